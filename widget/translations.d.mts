type Texts = Readonly<Record<string, string | Readonly<Record<string, string>>>>
export function unnamed(text: string): string
export function carried(texts: Texts, english: Texts): string
export function moduleOf(text: string): string
