import { describe, expect, test } from "bun:test";
import { isKnown, readIfMatch } from "../../src/http/preconditions.ts";
import { represent } from "../../src/kernel/canonical.ts";
import { type Precondition, requireMatch } from "../../src/kernel/precondition.ts";

const ifMatch = (value: string) => readIfMatch(new Headers({ "if-match": value }));
const current = represent("{}");

describe("If-Match", () => {
	test.each<[string, Precondition]>([
		["*", "any"],
		[" * ", "any"],
		['"a"', ['"a"']],
		['""', ['""']],
		['"a","b"', ['"a"', '"b"']],
		[' "a" ,, "b" , ', ['"a"', '"b"']],
		['"a,b", "*"', ['"a,b"', '"*"']],
		['W/"a"', []],
		['W/"a", "b"', ['"b"']],
		['"é"', ['"é"']],
		["", "malformed"],
		[",", "malformed"],
		["**", "malformed"],
		['*, "a"', "malformed"],
		['"a", *', "malformed"],
		["a", "malformed"],
		['"a', "malformed"],
		['a"', "malformed"],
		['"a" "b"', "malformed"],
		['"a"b', "malformed"],
		['w/"a"', "malformed"],
		['W/ "a"', "malformed"],
		['"a b"', "malformed"],
		["'a'", "malformed"],
		['"a", b', "malformed"],
	])("%s", (header, wanted) => {
		expect(ifMatch(header)).toEqual(wanted);
	});

	test("absent", () => {
		expect(readIfMatch(new Headers())).toBe("absent");
	});

	test("lists of any length are parsed in linear time", () => {
		const tags = Array.from({ length: 1500 }, (_, index) => `"${index}"`);
		expect(ifMatch(tags.join(", "))).toEqual(tags);
		expect(ifMatch('"'.repeat(16_001))).toBe("malformed");
		expect(ifMatch(`${",".repeat(8000)} "a"`)).toEqual(['"a"']);
	});

	test.each<[Precondition, string | undefined]>([
		["any", undefined],
		[[current.etag], undefined],
		[['"x"', current.etag], undefined],
		[[], "precondition_failed"],
		[['"x"'], "precondition_failed"],
		["absent", "precondition_required"],
		["malformed", "bad_request"],
	])("%p throws %p", (wanted, code) => {
		const check = () => requireMatch(wanted, current);
		if (code === undefined) expect(check).not.toThrow();
		else expect(check).toThrow(expect.objectContaining({ code }));
	});
});

test.each([
	[current.etag, true],
	[`W/${current.etag}`, true],
	["*", true],
	[" * ", true],
	[`"x", ${current.etag}`, true],
	[`"x,y",W/${current.etag}`, true],
	['"x"', false],
	["", false],
	[current.etag.slice(1, -1), false],
	[`${current.etag}x`, false],
	[`"${current.etag}"`, false],
])("If-None-Match %s: known is %p", (header, known) => {
	expect(isKnown(new Headers({ "if-none-match": header }), current.etag)).toBe(known);
});
