import { describe, expect, test } from "bun:test";
import { newPostgresDatabase, postgresUrl } from "../support/postgres.ts";
import { startServer } from "../support/server.ts";
import { runSql } from "../support/sql.ts";

const server = await postgresUrl();

/** What is read of the answers. */
interface Answer {
	readonly id: string;
	readonly task: { readonly id: string };
	readonly claim: { readonly fence: number };
	readonly items: readonly { readonly id: string; readonly lease: { readonly fence: number } }[];
}

describe.if(server !== undefined)("the plans of Postgres", () => {
	test("of changes read no table whole, also where they are made while it has no rows", async () => {
		const url = await newPostgresDatabase(server ?? "");
		// Migrations read whole tables, for their indexes.
		await (await startServer({ DATABASE_URL: url })).stop();
		await runSql(url, "SELECT pg_stat_reset()");
		const { url: base, bearer, stop } = await startServer({ DATABASE_URL: url });
		/** Changes read these by an index. */
		const read = () =>
			runSql(
				url,
				`SELECT relname, seq_scan::integer FROM pg_stat_user_tables WHERE seq_scan > 0 AND relname IN
					('tasks', 'task_labels', 'task_blockers', 'claims', 'jobs', 'idempotency', 'events', 'comments') ORDER BY 1`,
			);
		const call = async (method: string, path: string, body: unknown, key?: string) => {
			const headers: Record<string, string> = {
				authorization: bearer,
				"content-type": "application/json",
				...(method === "PATCH" && { "if-match": "*" }),
				...(key !== undefined && { "idempotency-key": key }),
			};
			const answer = await fetch(base + path, { method, headers, body: JSON.stringify(body) });
			expect([path, answer.ok]).toEqual([path, true]);
			return (await answer.json()) as Answer;
		};
		for (let round = 0; round < 8; round++) {
			const { id } = await call("POST", "/collab/tasks", { title: "First", labels: ["a"] }, `key-${round}`);
			const next = await call("POST", "/collab/tasks", { title: "Next", blocked_by: [id] });
			await call("PATCH", `/collab/tasks/${next.id}`, { title: "Changed" });
			const { task, claim } = await call("POST", "/collab/tasks/claim", { holder: "agent", label: "a" });
			await call("POST", `/collab/tasks/${task.id}/complete`, { fence: claim.fence });
			await call("POST", `/collab/tasks/${id}/comments`, { body: "Done." });
			await call("POST", "/jobs", { kind: "mail" });
			const {
				items: [job],
			} = await call("POST", "/jobs/lease", { worker: "w" });
			await call("POST", `/jobs/${job?.id}/complete`, { fence: job?.lease.fence });
		}
		// A connection reports what it has read when it ends.
		await stop();
		expect(await read()).toEqual([]);
	});
});
