import { expect } from "bun:test";
import { type Answer, ask } from "./ask.ts";
import type { TestServer } from "./server.ts";
import { runSql } from "./sql.ts";

/** A task as its body shows it. */
export interface TaskBody {
	readonly blocked_by: readonly string[];
	readonly defer_until: string | null;
	readonly id: string;
	readonly labels: readonly string[];
	readonly metadata: Readonly<Record<string, unknown>>;
	readonly note: { readonly by: string; readonly text: string } | null;
	readonly number: number;
	readonly parent: string | null;
	readonly priority: number;
	readonly rank: string;
	readonly status: string;
	readonly status_since: string;
	readonly title: string;
	readonly version: number;
}

/** The verbs of tasks, as one user. */
export function taskVerbs(server: TestServer) {
	const headers = { authorization: server.bearer };
	const post = (body: unknown, more: Readonly<Record<string, string>> = {}) =>
		ask(server, "POST /collab/tasks", { headers: { ...headers, ...more }, body });
	const patch = (id: string, body: unknown, ifMatch = "*") =>
		ask(server, `PATCH /collab/tasks/${id}`, { headers: { ...headers, "if-match": ifMatch }, body });
	const remove = (id: string) =>
		ask(server, `DELETE /collab/tasks/${id}`, { headers: { ...headers, "if-match": "*" } });
	const batch = (body: unknown, more: Readonly<Record<string, string>> = {}) =>
		ask(server, "POST /collab/tasks/batch", { headers: { ...headers, ...more }, body });
	async function create(body: object = {}): Promise<TaskBody> {
		return taskOf(await post({ title: "a task", ...body }));
	}
	return { post, patch, remove, batch, create, events: () => eventsOf(server) };
}

/** The task that a successful answer has. */
export function taskOf(answer: Answer): TaskBody {
	expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
	return answer.json as TaskBody;
}

interface TaskEvent {
	readonly id: string;
	readonly type: string;
	readonly subject: string;
	readonly ready?: boolean;
	readonly actor?: string;
	readonly data: TaskBody & { readonly by?: string };
}

/** Every event so far. */
export async function eventsOf(server: TestServer): Promise<readonly TaskEvent[]> {
	const items: TaskEvent[] = [];
	for (let after = 0; ; ) {
		const { json } = await ask(server, `GET /events?limit=1000&after=${after}`);
		const page = json as { items: readonly TaskEvent[]; next_after: number };
		items.push(...page.items);
		if (page.next_after === after) return items;
		after = page.next_after;
	}
}

/** Asserts that the tables by which tasks are found say what the rows say. */
export async function expectConsistent(url: string): Promise<void> {
	const rows = await runSql(url, "SELECT * FROM tasks ORDER BY seq");
	const isFinished = (status: unknown) => status === "done" || status === "cancelled";
	const open = new Set(rows.filter(({ status }) => !isFinished(status)).map(({ id }) => String(id)));
	const blockers: string[] = [];
	const labels: string[] = [];
	for (const row of rows) {
		const named = JSON.parse(String(row.blocked_by)) as string[];
		const waits = named.filter((id) => open.has(id)).length;
		expect([row.id, Number(row.open_blockers)]).toEqual([row.id, waits]);
		const ready = row.status === "open" && row.defer_until === null && waits === 0 ? 1 : 0;
		for (const blocker of named) blockers.push(`${row.id} ${blocker}`);
		for (const label of JSON.parse(String(row.labels)) as string[]) {
			labels.push(JSON.stringify([Number(row.seq), label, row.assignee, row.priority, row.rank, ready]));
		}
	}
	const kept = await runSql(url, "SELECT * FROM task_blockers");
	expect(kept.map(({ task, blocker }) => `${task} ${blocker}`).sort()).toEqual(blockers.sort());
	const marked = await runSql(url, "SELECT * FROM task_labels");
	expect(
		marked
			.map((row) =>
				JSON.stringify([Number(row.seq), row.label, row.assignee, row.priority, row.rank, row.ready]),
			)
			.sort(),
	).toEqual(labels.sort());
	const counts = await runSql(url, "SELECT * FROM task_counts WHERE count <> 0");
	const counted = Map.groupBy(rows, ({ space, status }) => `${space} ${status}`);
	expect(counts.map((row) => `${row.space} ${row.status} ${row.count}`).sort()).toEqual(
		[...counted].map(([key, of]) => `${key} ${of.length}`).sort(),
	);
}
