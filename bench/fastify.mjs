import { createHash, randomUUID } from "node:crypto";
import jwt from "@fastify/jwt";
import rateLimit from "@fastify/rate-limit";
import Database from "better-sqlite3";
import Fastify from "fastify";
import pino from "pino";

/**
 * The peer on Node: Fastify with better-sqlite3, written the way its manual says, and as durable (WAL,
 * synchronous=FULL, one commit a request). It does the orchestrator's work on the orchestrator's tables: schemas, JWT,
 * limiter, log, ETag, the event in the same transaction.
 */
const { DATABASE = ":memory:", PORT = "0" } = process.env;

const database = new Database(DATABASE);
database.pragma("journal_mode = WAL");
database.pragma("synchronous = FULL");
const nextRev = database.prepare("UPDATE log_head SET rev = rev + 1 RETURNING rev").pluck();
const insertTask = database.prepare(
	"INSERT INTO tasks (seq, id, title, description, version, created_at, updated_at, number) VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?1)",
);
const updateTask = database.prepare("UPDATE tasks SET title = ?, version = ?, updated_at = ? WHERE id = ?");
const insertEvent = database.prepare(
	"INSERT INTO events (id, type, subject, data, request_id, time, actor) VALUES (?, ?, ?, ?, ?, ?, ?)",
);
const findTask = database.prepare("SELECT description, id, title, version FROM tasks WHERE id = ?");
const newestTasks = database.prepare(
	"SELECT description, id, title, version FROM tasks ORDER BY seq DESC LIMIT ?",
);

const create = database.transaction((task, requestId, actor) => {
	const rev = nextRev.get();
	const now = Date.now();
	insertTask.run(rev, task.id, task.title, task.description, now, now);
	append(rev, "task.created", task, requestId, now, actor);
});

const update = database.transaction((id, title, ifMatch, requestId, actor) => {
	const task = findTask.get(id);
	if (task === undefined) return { status: 404 };
	if (ifMatch !== "*" && ifMatch !== etagOf(JSON.stringify(task))) return { status: 412 };
	const next = { ...task, title, version: task.version + 1 };
	const now = Date.now();
	updateTask.run(title, next.version, now, id);
	append(nextRev.get(), "task.updated", next, requestId, now, actor);
	return { status: 200, task: next };
});

function append(rev, type, task, requestId, now, actor) {
	insertEvent.run(rev, type, `/collab/tasks/${task.id}`, JSON.stringify(task), requestId, now, actor);
}

function etagOf(body) {
	return `"${createHash("sha256").update(body).digest("hex")}"`;
}

function answer(request, reply, value) {
	const body = JSON.stringify(value);
	const etag = etagOf(body);
	reply.header("etag", etag).type("application/json");
	return request.headers["if-none-match"] === etag ? reply.code(304).send() : reply.send(body);
}

const title = { type: "string", minLength: 1, maxLength: 200 };
const description = { type: "string", maxLength: 20_000 };
const newTask = {
	type: "object",
	required: ["title"],
	additionalProperties: false,
	properties: { title, description },
};
const taskPatch = { type: "object", additionalProperties: false, properties: { title, description } };

const app = Fastify({
	loggerInstance: pino(pino.destination({ dest: 1, sync: false, minLength: 4096 })),
	genReqId: (request) => request.headers["x-request-id"] ?? randomUUID(),
});
await app.register(rateLimit, { max: 1_000_000_000, timeWindow: 60_000 });
await app.register(jwt, { secret: "a secret of the benchmark, 32 bytes or more" });
const onRequest = (request) => request.jwtVerify();

app.get("/healthz", async () => {
	database.prepare("SELECT 1").get();
	return { status: "ok" };
});

// Logins are not compared: how long one takes is the choice of a hash, not of a framework.
app.post("/auth/login", async () => ({ access_token: app.jwt.sign({ sub: "1" }, { expiresIn: "1h" }) }));

app.post("/collab/tasks", { onRequest, schema: { body: newTask } }, (request, reply) => {
	const task = { description: "", ...request.body, id: randomUUID(), version: 1 };
	create(task, request.id, `user/${request.user.sub}`);
	reply.header("location", `/collab/tasks/${task.id}`);
	answer(request, reply, task);
});

app.get("/collab/state/tasks", (request, reply) => {
	answer(request, reply, { items: newestTasks.all(100), kind: "tasks" });
});

app.get("/collab/tasks/:id", (request, reply) => {
	const task = findTask.get(request.params.id);
	if (task === undefined) reply.code(404).send();
	else answer(request, reply, task);
});

app.patch("/collab/tasks/:id", { onRequest, schema: { body: taskPatch } }, (request, reply) => {
	const { status, task } = update(
		request.params.id,
		request.body.title,
		request.headers["if-match"],
		request.id,
		`user/${request.user.sub}`,
	);
	if (task === undefined) reply.code(status).send();
	else answer(request, reply, task);
});

await app.listen({ host: "127.0.0.1", port: Number(PORT) });
