import { describe, expect, test } from "bun:test";
import { parseJson, roundedInteger } from "../../src/http/json.ts";

describe("an integer", () => {
	test.each([
		["9007199254740991", 9007199254740991],
		["9007199254740992", 9007199254740992],
		["9007199254740993", roundedInteger],
		["-9007199254740993", roundedInteger],
		["9007199254740994", 9007199254740994],
		["1152921504606846976", 2 ** 60],
		["1970670598291982290", roundedInteger],
		["12345678901234567890", roundedInteger],
		["10000000000000000000000", 1e22],
		["100000000000000000000000", roundedInteger],
		[String(BigInt(Number.MAX_VALUE)), Number.MAX_VALUE],
		[String(BigInt(Number.MAX_VALUE) - 1n), roundedInteger],
		["9".repeat(400), Number.POSITIVE_INFINITY],
		["1e400", Number.POSITIVE_INFINITY],
		["-0", -0],
	])("%s is %j, alone and inside", (text, value) => {
		expect(parseJson(text)).toBe(value);
		expect(parseJson(` \n${text}\t`)).toBe(value);
		expect(parseJson(`[${text}]`)).toEqual([value]);
		expect(parseJson(`{"a":[{"b": ${text}}]}`)).toEqual({ a: [{ b: value }] });
	});
});

test("decimals, exponents, texts and names stay what they are", () => {
	for (const text of [
		"12345678901234567890.0",
		"1970670598291982290e0",
		"0.12345678901234567890",
		"1E22",
		"-0.0",
		'"1970670598291982290"',
		'" 1970670598291982290"',
		'{"9007199254740993":1,"b":",1970670598291982290"}',
		'{"a":"\\\\","b":"\\"[1970670598291982290"}',
		"1.5e-1234567890123456",
		"[1.1970670598291982290,0]",
	]) {
		expect(parseJson(text)).toEqual(JSON.parse(text));
		expect(parseJson(`[${text}, 9007199254740993]`)).toEqual([JSON.parse(text), roundedInteger]);
	}
});

test("of a name that comes twice the last value counts, and __proto__ is a name like any other", () => {
	expect(parseJson('{"a":9007199254740993,"a":1}')).toEqual({ a: 1 });
	expect(parseJson('{"a":1,"a":9007199254740993}')).toEqual({ a: roundedInteger });
	const parsed = parseJson('{"__proto__":{"x":9007199254740993}}') as object;
	expect(Object.getOwnPropertyNames(parsed)).toEqual(["__proto__"]);
	expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype);
});

test("what is not JSON is a SyntaxError with long integers too", () => {
	for (const text of [
		"0123456789012345678",
		"12345678901234567890abc",
		"-",
		"+12345678901234567890",
		"[12345678901234567890",
		'{"a":12345678901234567890,}',
		"12345678901234567890 1",
		"12345678901234567890.",
		"{9007199254740993:1}",
		'{"a":1,9007199254740993 : 1}',
		'"12345678901234567890',
	]) {
		expect(() => parseJson(text)).toThrow(SyntaxError);
	}
});

test("a long integer lies as deep as anything else may", () => {
	const deep = (integer: string) => `${"[".repeat(100_000)}${integer}${"]".repeat(100_000)}`;
	for (const [integer, value] of [
		["9007199254740992", 9007199254740992],
		["9007199254740993", roundedInteger],
	] as const) {
		let found = parseJson(deep(integer));
		while (Array.isArray(found)) found = found[0];
		expect(found).toBe(value);
	}
});

test("random integers are kept exactly or refused, among others in one text", () => {
	for (let round = 0; round < 300; round++) {
		const integers = Array.from({ length: 20 }, () => {
			const digits = Array.from({ length: 1 + Math.floor(Math.random() * 24) }, () =>
				Math.floor(Math.random() * 10),
			);
			return BigInt(digits.join("")) * (Math.random() < 0.5 ? 1n : -1n);
		});
		const wanted = integers.map((integer) =>
			BigInt(Number(integer)) === integer ? Number(integer) : roundedInteger,
		);
		const fields = integers.map((integer, index) => `"${index % 7 === 0 ? index : `n${index}`}":${integer}`);
		expect(parseJson(`[${integers.join(", ")}]`)).toEqual(wanted);
		expect(Object.values(parseJson(`{${fields.join(",")}}`) as object).toSorted()).toEqual(wanted.toSorted());
	}
});

test("hostile texts cost time in proportion to their length", () => {
	const size = 1_000_000;
	for (const part of ["1,", '"",', '\\"', '"', "\\", "9", "12345678901234567,", '{"a":', "[", ",-", " 1"]) {
		const text = `[12345678901234567,${part.repeat(size / part.length)}`;
		const startedAt = performance.now();
		try {
			parseJson(text);
		} catch (error) {
			expect(error).toBeInstanceOf(Error);
		}
		expect([part, performance.now() - startedAt < 2000]).toEqual([part, true]);
	}
});
