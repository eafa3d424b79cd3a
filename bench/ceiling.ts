import { Database } from "bun:sqlite";
import { LogOutput } from "../src/kernel/log-output.ts";
import type { Constant } from "./contenders.ts";

/**
 * The limit: a bare Bun server with bun:sqlite that does the same durable work as the orchestrator, on the same
 * tables, and nothing else. No routes, no validation, no user, no log, no ETag. All requests that arrived while a
 * commit was under way share the next one, and each is answered after its commit is on disk.
 *
 * `CONSTANT` is an answer that it gives as it is: what a read can come near. Accounted for, it comes with what each
 * answer of the orchestrator owes whatever it says.
 */
const { DATABASE = ":memory:", CONSTANT = '{"path":"/healthz","status":200,"headers":{},"body":null}' } =
	Bun.env;
const constant = JSON.parse(CONSTANT) as Constant & { readonly isAccounted?: boolean };

const database = new Database(DATABASE, { readwrite: true, strict: true });
database.run("PRAGMA journal_mode = WAL");
database.run("PRAGMA synchronous = FULL");
const readHead = database.query<{ rev: number }, []>("SELECT rev FROM log_head");
const writeHead = database.query("UPDATE log_head SET rev = ?");
const insertTask = database.query(
	"INSERT INTO tasks (seq, id, title, description, version, created_at, updated_at, number) VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?1)",
);
const updateTask = database.query<Task, [string, number, string]>(
	"UPDATE tasks SET title = ?, version = version + 1, updated_at = ? WHERE id = ? RETURNING *",
);
const insertEvent = database.query(
	"INSERT INTO events (id, type, subject, data, request_id, time, actor) VALUES (?, ?, ?, ?, ?, ?, ?)",
);

/** As long as the orchestrator's own. */
const actor = "user/019ab2f0-11aa-7cc3-8d21-3f4b5a6c7d8e";

interface Task {
	readonly id: string;
	readonly title: string;
	readonly description: string;
	readonly version: number;
}

/** One change: it is given its event's number and answers with the task's body. */
type Change = (rev: number) => string;

let waiting: { readonly change: Change; readonly resolve: (response: Response) => void }[] = [];

const commit = database.transaction((changes: readonly Change[]) => {
	let rev = readHead.get()?.rev ?? 0;
	const bodies = changes.map((change) => change(++rev));
	writeHead.run(rev);
	return bodies;
});

function commitWaiting(): void {
	const group = waiting;
	waiting = [];
	const bodies = commit.immediate(group.map(({ change }) => change));
	for (const [index, { resolve }] of group.entries()) resolve(new Response(bodies[index] ?? ""));
}

function committed(change: Change): Promise<Response> {
	return new Promise((resolve) => {
		if (waiting.length === 0) setImmediate(commitWaiting);
		waiting.push({ change, resolve });
	});
}

function create(title: string): Change {
	const id = Bun.randomUUIDv7();
	const now = Date.now();
	const body = JSON.stringify({ description: "", id, title, version: 1 });
	return (rev) => {
		insertTask.run(rev, id, title, "", now, now);
		insertEvent.run(rev, "task.created", `/collab/tasks/${id}`, body, "", now, actor);
		return body;
	};
}

function patch(id: string, title: string): Change {
	const now = Date.now();
	return (rev) => {
		const task = updateTask.get(title, now, id);
		const body = JSON.stringify({
			description: task?.description,
			id,
			title: task?.title,
			version: task?.version,
		});
		insertEvent.run(rev, "task.updated", `/collab/tasks/${id}`, body, "", now, actor);
		return body;
	};
}

/** What a login costs beside everything: one argon2id at the orchestrator's price. */
const hash = Bun.password.hashSync("benchmark", { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 });

function answer(): Response {
	return new Response(constant.body, { status: constant.status, headers: constant.headers });
}

const log = new LogOutput<string>(1, (line) => line);
let left = 100_000_000;

/** Takes the address, gives an id, counts, logs: no routing, no admission, no look at whether the answer still holds. */
function accounted(request: Request, server: Bun.Server<undefined>): Response {
	const startedAt = performance.now();
	const client = server.requestIP(request)?.address;
	const id = request.headers.get("x-request-id") ?? crypto.randomUUID();
	const { status, body, path } = constant;
	const headers = { ...constant.headers, "x-request-id": id, ratelimit: `"default";r=${--left};t=60` };
	const response = new Response(body, { status, headers });
	const ms = performance.now() - startedAt;
	log.write(
		`{"level":30,"time":"${new Date().toISOString()}","request_id":"${id}","method":"GET","path":"${path}","status":${status},"ms":${ms},"client":"${client}","msg":"request"}\n`,
	);
	return response;
}

Bun.serve({
	hostname: "127.0.0.1",
	port: Number(Bun.env.PORT),
	routes: {
		"/collab/tasks": {
			POST: async (request) => committed(create(((await request.json()) as Task).title)),
		},
		"/collab/tasks/:id": {
			PATCH: async (request: Bun.BunRequest) => {
				const { title } = (await request.json()) as Task;
				return committed(patch(request.params.id ?? "", title));
			},
		},
		"/auth/login": {
			POST: async (request) => {
				const { password } = (await request.json()) as { password: string };
				const fits = await Bun.password.verify(password, hash);
				return new Response(`{"access_token":"none"}`, { status: fits ? 200 : 401 });
			},
		},
		"/empty": new Response(null),
		[constant.path]: { GET: constant.isAccounted ? accounted : answer },
	},
});
