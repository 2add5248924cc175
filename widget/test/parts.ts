/// <reference types="vite/types/importMeta.d.ts" />
/**
 * What stands in for the fetch of a part: the real modules, unless a test puts others in their
 * place. A test file uses it by
 * `vi.mock('../src/panel/parts', async (actual) => ({ ...(await actual()), fetchPart: (await import('./parts')).fetchPart }))`.
 */

import * as requests from '../src/requests'

const real: Readonly<Record<string, unknown>> = {
  requests,
  ...Object.fromEntries(
    Object.entries(import.meta.glob('../src/parts/*.ts', { eager: true })).map(([path, module]) => [
      path.replace(/.*\/|\.ts$/g, ''),
      module,
    ]),
  ),
}

/** What has been asked for, in order. */
export const fetched: string[] = []
/** By name: what a part is in this test; an error is thrown. */
export const instead = new Map<string, unknown>()

export function resetParts(): void {
  fetched.length = 0
  instead.clear()
}

export async function fetchPart(_base: string, name: string): Promise<unknown> {
  fetched.push(name)
  const part = instead.get(name) ?? real[name] ?? new Error(`there is no part ${name}`)
  if (part instanceof Error) throw part
  return part
}
