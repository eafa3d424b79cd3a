import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { durableDatabases } from "../support/databases.ts";
import { paste } from "../support/paste.ts";
import { startServer } from "../support/server.ts";

// The waits of the session, and a shell.
setDefaultTimeout(60_000);

const page = readFileSync(join(import.meta.dir, "../../docs/tasks.md"), "utf8");
const [, session = ""] = page.match(/^```sh\n(.*?)^```$/ms) ?? [];

for (const { name, newUrl } of durableDatabases) {
	test(`the session of docs/tasks.md works as pasted, on ${name}`, async () => {
		const server = await startServer({ DATABASE_URL: await newUrl() });
		const lines = session.replace("http://127.0.0.1:8000", server.url);
		expect(lines).toContain(server.url);
		const env = { PATH: Bun.env.PATH, TOKEN: server.bearer.replace("Bearer ", "") };
		const stdout = await paste(lines, env);
		const [made, claimed, renewed, listed, completed, result] = stdout
			.trim()
			.split("\n")
			.map((line) => JSON.parse(line));
		const [first, second] = made.items;
		expect(second.blocked_by).toEqual([first.id]);
		expect(claimed).toMatchObject({ task: { id: first.id, status: "in_progress" } });
		expect(renewed).toMatchObject({ fence: claimed.claim.fence });
		expect(listed.items).toMatchObject([{ task: first.id, fence: claimed.claim.fence }]);
		expect(completed).toMatchObject({ id: first.id, status: "done", claimed_by: null });
		expect(result).toEqual({ chosen: "ACME" });
		const ready = await fetch(`${server.url}/collab/state/tasks?ready=true`);
		expect(((await ready.json()) as { items: unknown[] }).items).toMatchObject([{ id: second.id }]);
	});
}
