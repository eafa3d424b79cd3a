import { describe, expect, test } from "bun:test";
import { cp, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { durableDatabases, newFolder } from "../support/databases.ts";
import { fromSource, runProgram } from "../support/process.ts";
import { expectEnd, expectWhole, Load, serve } from "./load.ts";

const root = join(import.meta.dir, "../..");
const later = "9999_later";

/** The program as its next version: with one more migration. */
async function nextVersion(): Promise<readonly string[]> {
	const folder = newFolder();
	for (const part of ["src", "drizzle", "package.json", "tsconfig.json"]) {
		await cp(join(root, part), join(folder, part), { recursive: true });
	}
	await symlink(join(root, "node_modules"), join(folder, "node_modules"));
	for (const dialect of ["sqlite", "postgres"]) {
		await writeFile(join(folder, "drizzle", dialect, `${later}.sql`), "CREATE TABLE later (one integer);\n");
	}
	return [process.execPath, join(folder, "src/main.ts")];
}

const newer = await nextVersion();

describe.each([...durableDatabases])("two versions of the program on $name", ({ newUrl }) => {
	test("migrate from ten processes at once while one serves: each migration is applied once, and no write is lost", async () => {
		const url = await newUrl();
		const server = await serve(url);
		const load = await Load.on(server.url);
		await load.more(20);
		const runs = await Promise.all(
			Array.from({ length: 10 }, async (_, index) => {
				const command = index % 2 === 0 ? newer : fromSource;
				return { command, ...(await runProgram([...command, "migrate"], { DATABASE_URL: url })) };
			}),
		);
		const applied = runs.flatMap(({ stdout }) =>
			[...stdout.matchAll(/^applied (\S+)$/gm)].map(([, name]) => name),
		);
		expect(applied).toEqual([later]);
		for (const { command, code, stderr } of runs) {
			if (command === newer) expect([code, stderr]).toEqual([0, ""]);
			else
				expect([code, stderr]).toEqual(
					code === 0 ? [0, ""] : [1, expect.stringContaining("is newer than this program")],
				);
		}
		await load.more(20);
		await expectWhole(server.url, load);
		await expectEnd(server);
	}, 120_000);

	test("race for an empty database: whichever is first, the schema is complete and of the newer version", async () => {
		const url = await newUrl();
		const runs = await Promise.all(
			Array.from({ length: 10 }, (_, index) =>
				runProgram([...(index % 2 === 0 ? newer : fromSource), "migrate"], { DATABASE_URL: url }),
			),
		);
		const applied = runs.flatMap(({ stdout }) =>
			[...stdout.matchAll(/^applied (\S+)$/gm)].map(([, name]) => name),
		);
		expect(new Set(applied).size).toBe(applied.length);
		expect(applied).toContain(later);
		const again = await runProgram([...newer, "migrate"], { DATABASE_URL: url });
		expect([again.code, again.stdout]).toEqual([0, "The schema is up to date; nothing was to be done.\n"]);
	}, 120_000);
});
