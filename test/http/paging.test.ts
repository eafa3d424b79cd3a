import { expect, test } from "bun:test";
import { Cursors } from "../../src/http/paging.ts";

const cursors = new Cursors("a key");
const places = ["desc 1", "asc 9007199254740991", "", "ü 世 👩", "\0", "x".repeat(1000)];

test("a cursor opens to the position that was sealed, on every replica that has the key", () => {
	for (const place of places.filter((place) => place !== "")) {
		const cursor = cursors.seal("tasks", place);
		expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
		expect(cursors.open("tasks", cursor)).toBe(place);
		expect(new Cursors("a key").open("tasks", cursor)).toBe(place);
	}
});

test("no other list and no other key opens it", () => {
	for (const place of places) {
		const cursor = cursors.seal("tasks", place);
		expect(cursors.open("jobs", cursor)).toBeUndefined();
		expect(new Cursors("another key").open("tasks", cursor)).toBeUndefined();
	}
	// The end of the list's name cannot become the start of the position.
	expect(cursors.open("a", cursors.seal("a\0b", "c"))).toBeUndefined();
	expect(cursors.open("ab", cursors.seal("a", "bc"))).toBeUndefined();
});

test("any change of one bit is detected", () => {
	const cursor = Buffer.from(cursors.seal("tasks", "desc 12345"), "base64url");
	for (let bit = 0; bit < cursor.length * 8; bit++) {
		const changed = Buffer.from(cursor);
		changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
		expect(cursors.open("tasks", changed.toString("base64url"))).toBeUndefined();
	}
});

test("text that is not a cursor opens to undefined", () => {
	const cursor = cursors.seal("tasks", "desc 1");
	for (const text of [
		"",
		"A",
		"=",
		`${cursor}=`,
		`${cursor}A`,
		` ${cursor}`,
		cursor.slice(1),
		"ü",
		"A".repeat(22),
	]) {
		expect([text, cursors.open("tasks", text)]).toEqual([text, undefined]);
	}
});
