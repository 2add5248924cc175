/**
 * How far a log has been read, kept beside the visitor it is true for: a new visitor's log begins
 * at 1 again.
 */

import type { Keep } from './storage'

export type Mark = 'read' | 'told-delivered' | 'told-read' | 'confirmed-delivered' | 'confirmed-read'

export function readMark(keep: Keep, mark: Mark, visitor: string): number {
  const [owner, seq] = keep.get(mark).split(' ')
  return owner === visitor ? Number(seq) || 0 : 0
}

export function writeMark(keep: Keep, mark: Mark, visitor: string, seq: number): void {
  if (seq > readMark(keep, mark, visitor)) keep.set(mark, `${visitor} ${seq}`)
}
