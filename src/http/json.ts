/**
 * Stands for an integer that a double does not hold exactly. Validation refuses it at its path, as any text with a NUL;
 * rounded, the integer would be another one, for example the id of another row.
 */
export const roundedInteger = "\0rounded";

const substitute = JSON.stringify(roundedInteger);

/** An integer of 16 digits or more: those below are all exact. Neither a part of a decimal nor a name. */
const longInteger = /(?<![\d.eE+-])-?[1-9]\d{15,}(?![\d.eE]|\s*:)/g;

/** Finds few texts in which no integer is long, and is cheap. */
const mayHaveLongInteger = /(?:^|[[,:\s])-?[1-9]\d{15}/;

/** Parses JSON, with `roundedInteger` in place of each integer that `JSON.parse` would round. */
export function parseJson(text: string): unknown {
	return JSON.parse(mayHaveLongInteger.test(text) ? withSubstitutes(text) : text);
}

// Not by a reviver of JSON.parse, which sees the source too: it overflows the stack at a depth of some thousands.
function withSubstitutes(text: string): string {
	let result = "";
	let from = 0;
	for (let quote = text.indexOf('"'); quote !== -1; quote = text.indexOf('"', from)) {
		const end = endOfString(text, quote);
		result += substituted(text.slice(from, quote)) + text.slice(quote, end);
		from = end;
	}
	return result + substituted(text.slice(from));
}

/** Where the string that begins at `start` ends; the end of the text if it is not closed. */
function endOfString(text: string, start: number): number {
	for (let quote = text.indexOf('"', start + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
		let first = quote;
		while (text[first - 1] === "\\") first--;
		if ((quote - first) % 2 === 0) return quote + 1;
	}
	return text.length;
}

/** Replaces the integers of a text without strings. */
function substituted(text: string): string {
	if (text.length < 16) return text;
	return text.replace(longInteger, (digits) => (isRounded(digits) ? substitute : digits));
}

function isRounded(digits: string): boolean {
	const value = Number(digits);
	return Number.isFinite(value) && BigInt(value) !== BigInt(digits);
}
