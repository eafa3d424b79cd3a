import postgres from "postgres";

/**
 * The limit on Postgres: a bare Bun server that creates tasks and nothing else. One group at a time: the head of the
 * log, the rows and the events of all requests that arrived meanwhile, in one transaction, its statements in one
 * flight; the head's lock puts the events' numbers in commit order.
 */
const sql = postgres(Bun.env.DATABASE_URL ?? "", { max: 2, onnotice() {} });

interface NewTask {
	readonly id: string;
	readonly title: string;
	readonly body: string;
	readonly now: number;
}

let waiting: { readonly task: NewTask; readonly resolve: (response: Response) => void }[] = [];
let isCommitting = false;

async function commitWaiting(): Promise<void> {
	while (waiting.length > 0) {
		const group = waiting;
		waiting = [];
		await commit(group.map(({ task }) => task));
		for (const { task, resolve } of group) resolve(new Response(task.body));
	}
	isCommitting = false;
}

function commit(tasks: readonly NewTask[]): Promise<unknown> {
	const count = tasks.length;
	const ids = tasks.map(({ id }) => id);
	const times = tasks.map(({ now }) => now);
	return sql.begin((tx) => [
		tx`UPDATE log_head SET rev = rev + ${count}`,
		tx`INSERT INTO tasks (seq, id, title, description, version, created_at, updated_at, number)
			SELECT rev - ${count} + number, id, title, '', 1, now, now, rev - ${count} + number
			FROM log_head, unnest(${ids}::uuid[], ${tasks.map(({ title }) => title)}::text[], ${times}::bigint[])
				WITH ORDINALITY AS new (id, title, now, number)`,
		tx`INSERT INTO events (id, type, subject, data, request_id, time, actor)
			SELECT rev - ${count} + number, 'task.created', '/collab/tasks/' || id, body, '', now, ${actor}::text
			FROM log_head, unnest(${ids}::uuid[], ${tasks.map(({ body }) => body)}::text[], ${times}::bigint[])
				WITH ORDINALITY AS new (id, body, now, number)`,
	]);
}

/** As long as the orchestrator's own. */
const actor = "user/019ab2f0-11aa-7cc3-8d21-3f4b5a6c7d8e";

Bun.serve({
	hostname: "127.0.0.1",
	port: Number(Bun.env.PORT),
	routes: {
		"/collab/tasks": {
			async POST(request) {
				const { title } = (await request.json()) as { title: string };
				const id = Bun.randomUUIDv7();
				const body = JSON.stringify({ description: "", id, title, version: 1 });
				return new Promise((resolve) => {
					waiting.push({ task: { id, title, body, now: Date.now() }, resolve });
					if (isCommitting) return;
					isCommitting = true;
					setImmediate(() => void commitWaiting());
				});
			},
		},
	},
	fetch: () => new Response(null, { status: 404 }),
});
