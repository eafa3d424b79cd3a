import { expect, test } from "bun:test";
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const text = await Bun.file(join(root, "docs/guarantees.md")).text();

/** Every line that names tests: `[test/a.test.ts](../test/a.test.ts): "a name", "another"`. */
const named = [...text.matchAll(/^ {2}\[(test\/[^\]]+)\]\(\.\.\/([^)]+)\): (.+)$/gm)].map(
	([, file = "", link = "", names = ""]) => ({
		file,
		link,
		names: [...names.matchAll(/"([^"]+)"/g)].map(([, name = ""]) => name),
	}),
);

test("every test that docs/guarantees.md names exists", async () => {
	expect(named.length).toBeGreaterThan(20);
	const missing: string[] = [];
	for (const { file, link, names } of named) {
		expect([file, names.length]).not.toEqual([link, 0]);
		expect(link).toBe(file);
		const source = await Bun.file(join(root, file)).text();
		// The quoted name must be the end of the test's name; the name of a database may stand before it.
		for (const name of names) if (!new RegExp(`${RegExp.escape(name)}["\`]`).test(source)) missing.push(name);
	}
	expect(missing).toEqual([]);
});

test("every guarantee in it names a test", () => {
	const guarantees = text.split("## What is not guaranteed")[0]?.split(/^- /m).slice(1) ?? [];
	expect(guarantees.length).toBeGreaterThan(20);
	expect(guarantees.filter((guarantee) => !/^ {2}\[test\//m.test(guarantee))).toEqual([]);
});
