declare module '*.css?inline' {
  const css: string
  export default css
}

/** The parts' hashed file names; the build defines it. */
declare const PART_FILES: Readonly<Record<'panel' | 'requests', string>>
