import { fencesPerEvent } from "../../src/tasks/claims/store.ts";
import { type Answer, ask, type Question } from "./ask.ts";
import type { TestServer } from "./server.ts";

/** The parts of a task's body that the tests of claims use. */
export interface TaskBody {
	readonly id: string;
	readonly status: string;
	readonly status_since: string;
	readonly updated_at: string;
	readonly claimed_by: string | null;
	readonly note: { readonly by: string; readonly text: string } | null;
	readonly labels: readonly string[];
	readonly version: number;
	readonly title: string;
}

export interface ClaimAnswer {
	readonly claim: { readonly expires_at: string; readonly fence: number; readonly holder: string };
	readonly task: TaskBody;
}

export interface ListedClaim {
	readonly actor: string;
	readonly claimed_at: string;
	readonly expires_at: string;
	readonly fence?: number;
	readonly holder: string;
	readonly task: string;
}

/** The number of the event of the claim that has this fence. */
export function eventOf(fence: number): number {
	return Math.floor(fence / fencesPerEvent);
}

/** Asks a server as its user, or with other headers. */
export function claimsOf(
	server: TestServer,
	headers: Readonly<Record<string, string>> = { authorization: server.bearer },
) {
	const send = (line: `${string} /${string}`, body?: unknown, more: Question["headers"] = {}) =>
		ask(server, line, { headers: { ...headers, ...more }, ...(body !== undefined && { body }) });

	return {
		send,
		async create(fields: object = {}): Promise<TaskBody> {
			return (await send("POST /collab/tasks", { title: "t", ...fields })).json as TaskBody;
		},
		next: (body: object = {}, more: Question["headers"] = {}) => send("POST /collab/tasks/claim", body, more),
		claim: (id: string, body: object = {}, more: Question["headers"] = {}) =>
			send(`POST /collab/tasks/${id}/claim`, body, more),
		heartbeat: (id: string, body: object) => send(`POST /collab/tasks/${id}/heartbeat`, body),
		release: (id: string, body: object) => send(`POST /collab/tasks/${id}/release`, body),
		complete: (id: string, body: object) => send(`POST /collab/tasks/${id}/complete`, body),
		get: async (id: string) => (await send(`GET /collab/tasks/${id}`)).json as TaskBody,
		patch: (id: string, body: object, more: Question["headers"] = {}) =>
			send(`PATCH /collab/tasks/${id}`, body, { "if-match": "*", ...more }),
		list: (query = "") => send(`GET /collab/claims${query}`),
		/** Of the task, without those that only say that others are not blocked any more. */
		async events(id: string): Promise<readonly LoggedEvent[]> {
			const { json } = await send("GET /events?after=0&limit=1000&types=task.*");
			return (json as { items: readonly LoggedEvent[] }).items.filter(
				({ subject }) => subject === `/collab/tasks/${id}`,
			);
		},
	};
}

export interface LoggedEvent {
	readonly id: string;
	readonly type: string;
	readonly actor: string;
	readonly subject: string;
	readonly ready?: boolean;
	readonly reason?: string;
	readonly expiresat?: string;
	readonly data: TaskBody;
}

export const claimOf = ({ json }: Answer) => json as ClaimAnswer;
export const taskOf = ({ json }: Answer) => json as TaskBody;
export const listOf = ({ json }: Answer) =>
	json as { readonly items: readonly ListedClaim[]; readonly next_cursor?: string; readonly now: string };
