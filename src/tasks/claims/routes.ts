import { Elysia } from "elysia";
import type { Static } from "typebox";
import type { BodyReader } from "../../http/body.ts";
import { noBody, setEtag } from "../../http/conditional-get.ts";
import { idempotencyKey, idempotentRequest } from "../../http/idempotency.ts";
import { changeContext } from "../../http/request-context.ts";
import { type BodyCheck, jsonBody, Submitted } from "../../http/validation.ts";
import { canonical } from "../../kernel/canonical.ts";
import type { ChangeContext } from "../../kernel/change-context.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Fault } from "../../kernel/errors.ts";
import { isId } from "../../kernel/ids.ts";
import { noSuchTask } from "../changes.ts";
import type { Caller } from "../routes.ts";
import type { TaskStore } from "../store.ts";
import type { Claimed } from "./changes.ts";
import type { ClaimDispatcher } from "./dispatcher.ts";
import {
	claimNextOperation,
	claimTaskOperation,
	completeOperation,
	heartbeatOperation,
	releaseOperation,
} from "./operations.ts";
import {
	ClaimCompletion,
	ClaimHeartbeat,
	ClaimNextRequest,
	ClaimRelease,
	ClaimTaskRequest,
} from "./schema.ts";
import type { ClaimService } from "./service.ts";

/** How long a request that waits may wait on. */
export interface Revocation {
	readonly signal: AbortSignal;
	release(): void;
}

export interface ClaimRouteDeps {
	readonly claims: ClaimService;
	readonly tasks: Pick<TaskStore, "find">;
	readonly dispatcher: ClaimDispatcher;
	readonly readBody: BodyReader;
	/** Who may change tasks in the request's space. Throws `unauthorized`, `forbidden`, `not_found`. */
	readonly requireWriter: (request: Request) => Promise<Caller>;
	/** Begins to watch whether the request may still do so; aborts when it may not. Release it in the end. */
	readonly untilRevoked: (request: Request) => Revocation;
	readonly clock: Clock;
}

const nextRequest = jsonBody(ClaimNextRequest);
const taskRequest = jsonBody(ClaimTaskRequest);
const heartbeat = jsonBody(ClaimHeartbeat);
const release = jsonBody(ClaimRelease);
const completion = jsonBody(ClaimCompletion, resultFaults);

const leaseSecondsByDefault = 1800;

type ResponseSettings = Parameters<typeof setEtag>[0];

/** The requests of those who do tasks: claim, then heartbeat, release or complete. */
export function claimRoutes(deps: ClaimRouteDeps) {
	const { claims, tasks, dispatcher, readBody, requireWriter, untilRevoked, clock } = deps;

	/** The task, who asks, and the parsed body. Credential and existence are checked before the body. */
	async function read<T>(request: Request, id: string, check: BodyCheck<T>) {
		const body = check(await readBody(request));
		const caller = await requireWriter(request);
		if (!isId(id)) throw noSuchTask();
		const context: ChangeContext = changeContext(request);
		try {
			return { caller, change: { id, context, now: clock() }, body: body.value() };
		} catch (fault) {
			if ((await tasks.find(context.space, id)) === undefined) throw noSuchTask();
			throw fault;
		}
	}

	return new Elysia()
		.post(
			"/collab/tasks/claim",
			async ({ request, set }) => {
				const body = nextRequest(await readBody(request));
				const caller = await requireWriter(request);
				const { wait_seconds = 0, ...wanted } = body.value();
				const { holder = caller.name, label, lease_seconds = leaseSecondsByDefault } = wanted;
				// A repeat may wait for another time than the first: that is no other request.
				const idempotent = idempotentRequest(request, caller.id, "POST /collab/tasks/claim", wanted);
				const context = changeContext(request);
				const claim = { holder, label, leaseSeconds: lease_seconds, idempotent, context };
				const revocation = untilRevoked(request);
				try {
					const claimed = await dispatcher.claim(claim, wait_seconds, revocation.signal);
					return claimed === undefined ? noBody(set, 204) : answer(set, claimed);
				} finally {
					revocation.release();
				}
			},
			{ detail: claimNextOperation },
		)
		.post(
			"/collab/tasks/:id/claim",
			async ({ request, params, set }) => {
				const check: BodyCheck<Static<typeof ClaimTaskRequest>> = (body) => keyed(request, taskRequest(body));
				const { caller, change, body } = await read(request, params.id, check);
				const { holder = caller.name, lease_seconds = leaseSecondsByDefault } = body;
				const asked = { id: params.id, body };
				const idempotent = idempotentRequest(request, caller.id, "POST /collab/tasks/{id}/claim", asked);
				const claim = { ...change, holder, leaseSeconds: lease_seconds, idempotent };
				return answer(set, await claims.claim(claim));
			},
			{ detail: claimTaskOperation },
		)
		.post(
			"/collab/tasks/:id/heartbeat",
			async ({ request, params }) => {
				const { change, body } = await read(request, params.id, heartbeat);
				return claims.heartbeat({ ...change, fence: body.fence, leaseSeconds: body.lease_seconds });
			},
			{ detail: heartbeatOperation },
		)
		.post(
			"/collab/tasks/:id/release",
			async ({ request, params, set }) => {
				const { change, body } = await read(request, params.id, release);
				const { fence, note, status = "open" } = body;
				const task = await claims.release({ ...change, fence, note, status });
				setEtag(set, task.etag);
				return task.body;
			},
			{ detail: releaseOperation },
		)
		.post(
			"/collab/tasks/:id/complete",
			async ({ request, params, set }) => {
				const { change, body } = await read(request, params.id, completion);
				const { fence, note, result } = body;
				const text = result === undefined ? undefined : canonical(result);
				const task = await claims.complete({ ...change, fence, note, result: text });
				setEtag(set, task.etag);
				return task.body;
			},
			{ detail: completeOperation },
		);
}

/** A malformed key is a fault of the submission, as its body's are. */
function keyed<T>({ headers }: Request, given: Submitted<T>): Submitted<T> {
	return new Submitted(() => {
		const value = given.value();
		idempotencyKey(headers);
		return value;
	});
}

const resultBytesMax = 64 * 1024;

/** Of a completion's result, whatever else is wrong with the body. */
function resultFaults(body: unknown): readonly Fault[] {
	if (typeof body !== "object" || body === null || !("result" in body)) return [];
	if (sizeOf(body.result) <= resultBytesMax) return [];
	return [{ message: `must not be larger than ${resultBytesMax} bytes in canonical form`, path: "/result" }];
}

/** In canonical form; 0 for what has none, which has a fault of its own. */
function sizeOf(value: unknown): number {
	try {
		return Buffer.byteLength(canonical(value));
	} catch {
		return 0;
	}
}

function answer(set: ResponseSettings, { body, etag, replayed }: Claimed): string {
	setEtag(set, etag);
	if (replayed) set.headers["idempotency-replayed"] = "true";
	return body;
}
