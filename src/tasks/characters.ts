/**
 * What a UTF-16 code unit is to a search. Found out when first asked for, and kept for the process: 192 KiB at most, while
 * all of it at once would take 30 ms.
 */
export const Kind = {
	unknown: 0,
	/** Between two words. */
	separator: 1,
	/** Part of a word. */
	letter: 2,
	/** A word of its own, as in a script that is written without spaces. */
	ideograph: 3,
	/** Becomes several code units, or is half of a character. */
	composite: 4,
	/** May change the character before it, as a combining accent does. */
	joiner: 5,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

const kinds = new Uint8Array(0x1_0000);
const folded = new Uint16Array(0x1_0000);

const wordPart = /[\p{L}\p{N}\p{M}]/u;
const unspaced =
	/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
/** What composes with the character before it, or changes places with it: marks, and vowels and finals of Hangul (UAX #15). */
const joining = /^[\p{M}\u1161-\u1175\u11A8-\u11C2\u{16D63}-\u{16D68}]/u;

/**
 * NFKC in lower case. A sigma is the same wherever it stands in a word, so that the fold of a text is that of its parts:
 * `toLowerCase` gives the last one of a word another form.
 */
export function fold(text: string): string {
	return text.normalize("NFKC").toLowerCase().replaceAll("ς", "σ");
}

/** What a whole character, already folded, is to a search. */
export function kindOfFolded(
	character: string,
): typeof Kind.separator | typeof Kind.letter | typeof Kind.ideograph {
	if (unspaced.test(character)) return Kind.ideograph;
	return wordPart.test(character) ? Kind.letter : Kind.separator;
}

export function kindOf(unit: number): Kind {
	const kind = kinds[unit] as Kind;
	return kind === Kind.unknown ? lookUp(unit) : kind;
}

/** The folded form of a unit that is a separator, a letter or an ideograph: one code unit. */
export function foldedUnit(unit: number): number {
	return folded[unit] ?? 0;
}

/** Whether the character at a position may change the one before it. */
export function joinsAt(text: string, index: number): boolean {
	const unit = text.charCodeAt(index);
	if (!(unit >= 0x300)) return false;
	return isSurrogate(unit) ? joins(characterAt(text, index)) : kindOf(unit) === Kind.joiner;
}

export function characterAt(text: string, index: number): string {
	return String.fromCodePoint(text.codePointAt(index) ?? 0);
}

function joins(character: string): boolean {
	return joining.test(character.normalize("NFKD"));
}

function isSurrogate(unit: number): boolean {
	return unit >= 0xd800 && unit <= 0xdfff;
}

function lookUp(unit: number): Kind {
	const character = String.fromCharCode(unit);
	const form = fold(character);
	const kind = kindOfUnit(unit, character, form);
	folded[unit] = form.charCodeAt(0);
	kinds[unit] = kind;
	return kind;
}

function kindOfUnit(unit: number, character: string, form: string): Kind {
	if (isSurrogate(unit)) return Kind.composite;
	if (joins(character)) return Kind.joiner;
	return form.length === 1 ? kindOfFolded(form) : Kind.composite;
}
