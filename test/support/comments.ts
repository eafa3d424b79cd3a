import { expect } from "bun:test";
import { type Answer, ask } from "./ask.ts";
import type { TestServer } from "./server.ts";

export interface CommentBody {
	readonly body: string;
	readonly created_at: string;
	readonly created_by: string;
	readonly id: string;
	readonly task: string;
}

/** Makes a task in the space at `prefix`; returns its id. */
export async function addTask(
	server: TestServer,
	prefix: "" | `/${string}` = "",
	authorization = server.bearer,
): Promise<string> {
	const answer = await ask(server, `POST ${prefix}/collab/tasks` as "POST /collab/tasks", {
		headers: { authorization },
		body: { title: "discussed" },
	});
	expect(answer.status).toBe(200);
	return (answer.json as { id: string }).id;
}

/** Comments on a task. */
export async function comment(
	server: TestServer,
	task: string,
	body: string,
	authorization = server.bearer,
): Promise<Answer & { readonly comment: CommentBody }> {
	const answer = await ask(server, `POST /collab/tasks/${task}/comments`, {
		headers: { authorization },
		body: { body },
	});
	expect(answer.status).toBe(200);
	return { ...answer, comment: answer.json as CommentBody };
}
