/** The sections of texts, in the order in which the files of `texts/` have them. */
export enum Section {
  /** What the loader has in English by itself. */
  Button,
  Core,
  Rich,
  Menu,
  Files,
  Forms,
  Triggers,
  Room,
}
