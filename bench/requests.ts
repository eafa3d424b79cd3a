import { type Constant, type Contender, logIn, user } from "./contenders.ts";
import type { LoadRequest } from "./load.ts";

/** A contender with a hundred tasks in it. */
export interface Seeded {
	readonly contender: Contender;
	readonly authorization: string;
	/** Oldest first. */
	readonly ids: readonly string[];
}

const seeds = 100;
export const listPath = "/collab/state/tasks";

export async function seed(contender: Contender): Promise<Seeded> {
	const authorization = await logIn(contender);
	const ids: string[] = [];
	for (let number = 0; number < seeds; number++) {
		const response = await fetch(`${contender.url}/collab/tasks`, {
			method: "POST",
			headers: { authorization, "content-type": "application/json" },
			body: JSON.stringify({ title: `Task ${number}` }),
		});
		const { id } = (await response.json()) as { id: string };
		ids.push(id);
	}
	return { contender, authorization, ids };
}

export function createRequest(authorization: string): LoadRequest {
	return {
		method: "POST",
		path: "/collab/tasks",
		headers: { authorization },
		body: { title: "Measure what a task costs" },
	};
}

export const listRequest: LoadRequest = { method: "GET", path: listPath };
export const healthRequest: LoadRequest = { method: "GET", path: "/healthz" };
export const loginRequest: LoadRequest = { method: "POST", path: "/auth/login", body: user };

export function getRequest(id: string): LoadRequest {
	return { method: "GET", path: `/collab/tasks/${id}` };
}

/** The list, asked for by a client that has it. */
export async function knownListRequest({ url }: Contender): Promise<LoadRequest> {
	const { headers } = await fetch(url + listPath);
	return { ...listRequest, headers: { "if-none-match": headers.get("etag") ?? "" } };
}

/** Each changes its task: all get the one title, then all the other. */
export function patchRequests({ authorization, ids }: Seeded): readonly LoadRequest[] {
	return ["Measure a change", "Measure the next change"].flatMap((title) =>
		ids.map((id) => ({
			method: "PATCH" as const,
			path: `/collab/tasks/${id}`,
			headers: { authorization, "if-match": "*" },
			body: { title },
		})),
	);
}

/** Headers that Bun puts on every answer by itself. */
const own = ["connection", "content-length", "date", "keep-alive", "transfer-encoding"];

/** What a contender answers, for the bare server to repeat. */
export async function constantOf({ url }: Contender, request: LoadRequest): Promise<Constant> {
	const { path, headers = {} } = request;
	const response = await fetch(url + path, { headers });
	const kept = [...response.headers].filter(([name]) => !own.includes(name));
	const body = await response.text();
	return {
		path,
		status: response.status,
		headers: Object.fromEntries(kept),
		body: body === "" ? null : body,
	};
}
