import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { targets } from "../../build-targets.ts";
import { durableDatabases, newFolder } from "../support/databases.ts";
import { paste } from "../support/paste.ts";
import { fromSource, startProcess } from "../support/process.ts";

// The tests start whole processes.
setDefaultTimeout(60_000);

const root = join(import.meta.dir, "../..");
const readme = readFileSync(join(root, "README.md"), "utf8");

/** The text that a reader pastes: every `sh` block under the heading. */
function pasted(heading: string): string {
	const section = readme.split(`## ${heading}`)[1]?.split("\n## ")[0] ?? "";
	return [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block ?? "").join("");
}

/** A PATH on which `npx -y bun@1.4.5 start …` is this project's `start`, without a download. */
function pathWithNpx(): string {
	const folder = join(newFolder(), "bin");
	mkdirSync(folder);
	const script = `#!/bin/sh\n[ "$1 $2 $3" = "-y bun@1.4.5 start" ] || exit 64\nshift 3\nexec "${process.execPath}" src/main.ts "$@"\n`;
	writeFileSync(join(folder, "npx"), script, { mode: 0o755 });
	return `${folder}:${Bun.env.PATH}`;
}

for (const { name, newUrl } of durableDatabases) {
	test(`the section "Try it with curl" works as pasted, on ${name}`, async () => {
		const env = { DATABASE_URL: await newUrl() };
		const server = await startProcess(fromSource, env);
		const lines = pasted("Try it with curl").replace("http://127.0.0.1:8000", server.url);
		expect(lines).toContain(server.url);
		const stdout = await paste(lines, { ...env, PATH: pathWithNpx() }, root);
		await server.end("SIGTERM");

		const [added, ...round] = stdout.split("\n");
		expect(added).toBe("Added me@example.com.");
		const [made, claimed, nothing, completed, next, created, list, updated, status, ...answer] = round;
		const { items } = JSON.parse(made ?? "");
		expect(items).toMatchObject([{ title: "Measure the rooms" }, { title: "Order the desks" }]);
		const [first, second] = items;
		expect(second.blocked_by).toEqual([first.id]);
		const claim = { expires_at: expect.any(String), fence: expect.any(Number) };
		const task = { id: first.id, status: "in_progress", claimed_by: "planner" };
		expect(JSON.parse(claimed ?? "")).toMatchObject({ claim: { ...claim, holder: "planner" }, task });
		expect(nothing).toBe("204");
		expect(JSON.parse(completed ?? "")).toMatchObject({ id: first.id, status: "done", claimed_by: null });
		expect(JSON.parse(next ?? "")).toMatchObject({ claim: { holder: "buyer" }, task: { id: second.id } });
		expect(created).toMatch(
			/^\{"assignee":null,.*"id":"[0-9a-f-]{36}",.*"number":3,.*"title":"Write the plan",.*"version":1\}$/,
		);
		expect(list).toBe(`{"items":[${created}],"kind":"tasks"}`);
		const changed = { title: "Write the plan today", updated_at: expect.any(String), version: 2 };
		expect(JSON.parse(updated ?? "")).toEqual({ ...JSON.parse(created ?? ""), ...changed });
		expect(status?.trim()).toBe("HTTP/1.1 412 Precondition Failed");
		expect(answer.join("\n")).toMatch(/^etag: "[0-9a-f]{64}"/im);
		expect(answer.join("\n")).toContain('"type":"precondition_failed"');
	});
}

test("every file that the README links to exists", async () => {
	const files = [...readme.matchAll(/\]\((?!http)([^)#]+)\)/g)].map(([, file]) => file ?? "");
	expect(files.length).toBeGreaterThan(0);
	for (const file of files)
		expect({ file, isThere: await Bun.file(join(root, file)).exists() }).toEqual({ file, isThere: true });
});

const packaged = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<
	"scripts" | "dependencies" | "devDependencies",
	Record<string, string>
>;

test("every command that the README names is a script of the package", () => {
	const named = [...readme.matchAll(/\bbun (?:run )?([a-z][\w-]*)/g)].map(([, word]) => word ?? "");
	for (const word of new Set(named)) expect(Object.keys(packaged.scripts)).toContain(word);
});

test("the README offers the very targets that CI builds", () => {
	const offered = [...readme.matchAll(/\bbun-(?:linux|darwin|windows)-[\w-]+/g)].map(([word]) => word);
	expect([...new Set(offered)].sort()).toEqual(Object.keys(targets).sort());
});

test("docs/architecture.md gives the reason for every dependency", () => {
	const reasons = readFileSync(join(root, "docs/architecture.md"), "utf8").split("## Dependencies")[1] ?? "";
	const rows = [...reasons.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell = ""]) => cell.split(/[ ,]+/));
	for (const name of Object.keys({ ...packaged.dependencies, ...packaged.devDependencies })) {
		expect(rows).toContain(name);
	}
});
