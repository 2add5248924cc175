declare module '*.css?inline' {
  const css: string
  export default css
}

/** The panel's file, and what is in the names of all parts' files; the build defines them. */
declare const PANEL_FILE: string
declare const PARTS_HASH: string
/** The languages that there are beside English. */
declare const LANGUAGES: readonly string[]

interface Window {
  /** In browsers that have it; TypeScript does not yet. */
  readonly Temporal?: { readonly Now: { timeZoneId(): string } }
}
