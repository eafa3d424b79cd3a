import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { ask } from "../support/ask.ts";
import { durableDatabases } from "../support/databases.ts";
import { applyUpTo } from "../support/migrations.ts";
import { fromSource, runProgram } from "../support/process.ts";
import { startServer } from "../support/server.ts";
import { runSql } from "../support/sql.ts";

setDefaultTimeout(900_000);

const count = 1_000_000;

/** Fills a database of the version before, from its migrations: tasks in their order, each with its event. */
async function fill(url: string): Promise<void> {
	const isPostgres = url.startsWith("postgres");
	const numbers = isPostgres
		? `generate_series(1, ${count}) AS n`
		: `(WITH RECURSIVE up(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < ${count}) SELECT n FROM up)`;
	const hex = isPostgres ? "lpad(to_hex(n), 12, '0')" : "printf('%012x', n)";
	const id = `'019ab2f4-7c1e-7a52-9d0b-' || ${hex}`;
	for (const statement of [
		`INSERT INTO tasks (seq, id, title, description, version, created_at, updated_at)
			SELECT n, ${isPostgres ? `(${id})::uuid` : id}, 'task ' || n, '', 1, 1700000000000 + n, 1700000000000 + n
			FROM ${numbers}`,
		`INSERT INTO events (id, type, subject, data, request_id, time, actor)
			SELECT n, 'task.created', '/collab/tasks/' || ${id}, '{}', 'r', 1700000000000 + n, NULL FROM ${numbers}`,
		`UPDATE log_head SET rev = ${count}`,
		`INSERT INTO revisions (collection, rev) VALUES ('tasks', ${count})
			ON CONFLICT (collection) DO UPDATE SET rev = excluded.rev`,
	]) {
		await runSql(url, statement);
	}
}

describe.each([...durableDatabases])("a database of the version before on $name", ({ newUrl }) => {
	test("with a million tasks is upgraded without a loss: numbers follow the order of creation, times are kept", async () => {
		const url = await newUrl();
		await applyUpTo(url, "0004_add-event-actor");
		await fill(url);
		const startedAt = performance.now();
		const { code, stderr } = await runProgram([...fromSource, "migrate"], { DATABASE_URL: url });
		console.log(`upgraded ${count} tasks in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
		expect([code, stderr]).toEqual([0, ""]);

		const wrong = `number <> seq OR updated_seq <> seq OR space <> 1 OR status <> 'open' OR created_at <> 1700000000000 + seq
			OR status_since <> created_at OR updated_at <> created_at OR title <> 'task ' || seq`;
		const asText = url.startsWith("postgres") ? "::text" : "";
		const [sums] = await runSql(
			url,
			`SELECT count(*)${asText} AS tasks, sum(CASE WHEN ${wrong} THEN 1 ELSE 0 END)${asText} AS wrong FROM tasks`,
		);
		expect(sums).toEqual(asText === "" ? { tasks: count, wrong: 0 } : { tasks: String(count), wrong: "0" });

		const server = await startServer({ DATABASE_URL: url });
		const headers = { authorization: server.bearer };
		const made = await ask(server, "POST /collab/tasks", { headers, body: { title: "after" } });
		expect(made.json).toMatchObject({ number: count + 1, status: "open", version: 1 });
		const oldest = await ask(server, "GET /collab/state/tasks?order=asc&limit=2");
		expect(oldest.json).toMatchObject({ items: [{ number: 1, title: "task 1" }, { number: 2 }] });
		const byNumber = await ask(server, `GET /collab/state/tasks?number=${count / 2}`);
		expect(byNumber.json).toMatchObject({ items: [{ title: `task ${count / 2}`, created_by: null }] });
		const stats = await ask(server, "GET /collab/tasks/stats");
		expect(stats.json).toMatchObject({
			items: expect.arrayContaining([{ count: count + 1, status: "open" }]),
		});
		const claim = await ask(server, "POST /collab/tasks/claim", { headers, body: {} });
		expect(claim.json).toMatchObject({ claim: { fence: expect.any(Number) }, task: { number: 1 } });
	});
});
