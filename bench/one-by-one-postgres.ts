import postgres from "postgres";

/**
 * What ordered events cost without groups: a bare Bun server that creates tasks, each in a transaction of its own
 * that takes the next event's number from the head of the log and holds its lock to the commit.
 */
const sql = postgres(Bun.env.DATABASE_URL ?? "", { max: 10, onnotice() {} });

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
				const now = Date.now();
				await sql.begin(async (tx) => {
					const [head] = await tx`UPDATE log_head SET rev = rev + 1 RETURNING rev`;
					const rev = head?.rev;
					await Promise.all([
						tx`INSERT INTO tasks (seq, id, title, description, version, created_at, updated_at, number)
							VALUES (${rev}, ${id}, ${title}, '', 1, ${now}, ${now}, ${rev})`,
						tx`INSERT INTO events (id, type, subject, data, request_id, time, actor)
							VALUES (${rev}, 'task.created', ${`/collab/tasks/${id}`}, ${body}, '', ${now}, ${actor})`,
					]);
				});
				return new Response(body);
			},
		},
	},
	fetch: () => new Response(null, { status: 404 }),
});
