import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Search, wordsOf } from "../../src/tasks/search.ts";
import { hold } from "../generated/seed.ts";

const unspaced =
	"\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}";
const word = new RegExp(`[${unspaced}]|(?:(?![${unspaced}])[\\p{L}\\p{N}\\p{M}])+`, "gu");

/** The same by the plain rule: fold the text whole, cut it into words, compare each with each. */
function wordsByRule(text: string): readonly string[] {
	return text.normalize("NFKC").toLowerCase().replaceAll("ς", "σ").match(word) ?? [];
}

function matchesByRule(query: string, ...texts: readonly string[]): boolean {
	const words = texts.flatMap(wordsByRule);
	return wordsByRule(query).every((wanted) => words.some((found) => found.startsWith(wanted)));
}

function matches(query: string, ...texts: readonly string[]): boolean {
	return new Search(wordsOf(query)).matches(...texts);
}

/** Characters of every kind that a search treats differently, often beside one another. */
const pieces = fc.constantFrom(
	..."aAbBeEzZ019 _-.'\n",
	..."éÉßẞſİıΣσςΑΒ",
	..."\u0301\u0316\u0327\u0338\u0345\u3099\u309A",
	..."\u1100\u1161\u11A8가각ㄱㅏ\uFFA1\uFFC2",
	..."漢字かカーｶﾞ々〇⺀㍿ไทຍខမ",
	..."ＡｂＣ１ﬃ㎒ﷺ½…™\u00A0\u00AA\u2160",
	..."😀𝐀𝟘𐐀𐐨𠀀𠀁\u{1D165}\u{110BA}\u{11099}",
	..."\u200D\uFE0F\u00AD\u0640",
	"a\u0301",
	"Αs Σ",
);
const text = fc.array(pieces, { maxLength: 24 }).map((found) => found.join(""));
const anyText = fc.oneof(text, fc.string({ unit: "binary", maxLength: 24 }), fc.string({ unit: "grapheme" }));

describe("search", () => {
	test("any query finds in any text what the plain rule finds", async () => {
		await hold(
			"search",
			fc.tuple(anyText, anyText, anyText),
			async ([query, title, description]) => {
				expect(wordsOf(query)).toEqual(wordsByRule(query));
				if (new Set(wordsOf(query)).size > 10) return;
				expect(matches(query, title, description)).toBe(matchesByRule(query, title, description));
			},
			20_000,
		);
	});

	test("a text is found by the beginnings of its own words", async () => {
		await hold(
			"own words",
			fc.tuple(anyText, anyText, fc.array(fc.nat(), { maxLength: 5 })),
			async ([title, description, chosen]) => {
				const words = [...wordsOf(title), ...wordsOf(description)];
				const query = chosen
					.flatMap((number) => words[number % words.length] ?? [])
					.map((found, index) => {
						const characters = [...found];
						return characters.slice(0, 1 + ((chosen[index] ?? 0) % characters.length)).join("");
					});
				expect(matches(query.join(" "), title, description)).toBe(
					matchesByRule(query.join(" "), title, description),
				);
				expect(new Search(query).matches(title, description)).toBe(true);
			},
			10_000,
		);
	});

	test.each([
		["Cour", "Choose a courier", true],
		["our", "Choose a courier", false],
		["ch cou", "Choose a courier", true],
		["COURIER choose", "Choose a courier", true],
		["courierx", "Choose a courier", false],
		["e", "é", false],
		["e", "e\u0301", false],
		["é", "e\u0301tude", true],
		["ÉTUDE", "e\u0301tude", true],
		["strasse", "Straße", false],
		["straße", "STRAẞE", true],
		["οδοσ", "ΟΔΟΣ", true],
		["ΟΔΟΣ", "οδοσήμανση", true],
		["字", "漢字", true],
		["字漢", "漢字", true],
		["abc", "ＡＢＣ", true],
		["office", "oﬃce", true],
		["bar", "foo_bar", true],
		["42", "RFC-42", true],
		["ガ", "ｶﾞ", true],
		["𐐀", "𐐨x", true],
	])("%j in %j: %p", (query, found, expected) => {
		expect(matches(query, found)).toBe(expected);
		expect(matchesByRule(query, found)).toBe(expected);
	});

	test("words may stand in either text, and none spans both", () => {
		expect(matches("one two", "one", "two")).toBe(true);
		expect(matches("onetwo", "one", "two")).toBe(false);
	});

	test("a search can be used for one text after the other", () => {
		const search = new Search(wordsOf("a b"));
		expect([
			search.matches("a"),
			search.matches("b"),
			search.matches("b a"),
			search.matches("a", ""),
		]).toEqual([false, false, true, false]);
	});

	test("no text of 20,000 characters takes more than some steps for each, and the steps say how much work it was", () => {
		const fill = (part: string) => part.repeat(Math.ceil(20_000 / part.length)).slice(0, 20_000);
		const hostile = [
			"a",
			"ab ",
			"a\u0301\u0316",
			"\u0301\u0316",
			"ﷺ",
			"\u1100\u1161\u11A8",
			"😀",
			"ﬃ",
			"漢",
			"\u{1D165}\u{1D166}",
			"Σ",
		].map(fill);
		for (const [part, query] of hostile.flatMap(
			(part) =>
				[
					[part, `${"a".repeat(99)}b aa ab a b c`],
					[part, "漢 \u0301 zz"],
				] as const,
		)) {
			const search = new Search(wordsOf(query));
			search.matches("", part);
			expect(search.steps).toBeGreaterThanOrEqual(part.length);
			expect(search.steps).toBeLessThanOrEqual(700 * part.length);
		}
	});
});
