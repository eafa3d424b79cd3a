import { Elysia } from "elysia";
import type { BodyReader } from "../http/body.ts";
import { changeContext, contextOf } from "../http/request-context.ts";
import { type BodyCheck, jsonBody } from "../http/validation.ts";
import { isId } from "../kernel/ids.ts";
import { noSuchJob } from "./changes.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { boundedJson } from "./draft.ts";
import { completeOperation, failOperation, heartbeatOperation, leaseOperation } from "./operations.ts";
import { jobListBody } from "./representation.ts";
import { CompleteRequest, FailRequest, HeartbeatRequest, LeaseRequest } from "./schema.ts";
import type { JobService } from "./service.ts";
import type { JobChange } from "./store.ts";

const leaseRequest = jsonBody(LeaseRequest);
const heartbeat = jsonBody(HeartbeatRequest);
const completion = jsonBody(CompleteRequest);
const failure = jsonBody(FailRequest);

/** How long a request that waits may wait on. */
export interface Revocation {
	readonly signal: AbortSignal;
	release(): void;
}

export interface WorkerRouteDeps {
	readonly jobs: JobService;
	readonly dispatcher: Dispatcher;
	readonly readBody: BodyReader;
	/** Who may use the jobs of the request's space. Throws `unauthorized`, `forbidden`, `not_found`. */
	readonly requireWorker: (request: Request) => Promise<string>;
	/** Begins to watch whether the request may still do so; aborts when it may not. Release it in the end. */
	readonly untilRevoked: (request: Request) => Revocation;
}

/** The requests of workers: lease, then heartbeat, complete or fail. */
export function workerRoutes({ jobs, dispatcher, readBody, requireWorker, untilRevoked }: WorkerRouteDeps) {
	/** The job and the parsed body. Key and existence are checked before the body. */
	async function read<T>(request: Request, id: string, check: BodyCheck<T>): Promise<[JobChange, T]> {
		const body = check(await readBody(request));
		await requireWorker(request);
		if (!isId(id)) throw noSuchJob();
		try {
			return [{ id, context: changeContext(request) }, body.value()];
		} catch (fault) {
			if ((await jobs.find(contextOf(request).space, id)) === undefined) throw noSuchJob();
			throw fault;
		}
	}

	return new Elysia()
		.post(
			"/jobs/lease",
			async ({ request }) => {
				const body = leaseRequest(await readBody(request));
				await requireWorker(request);
				const {
					worker,
					queues = ["default"],
					limit = 1,
					lease_seconds = 60,
					wait_seconds = 0,
				} = body.value();
				const context = changeContext(request);
				const lease = { worker, queues, limit, leaseSeconds: lease_seconds, context };
				const revocation = untilRevoked(request);
				try {
					const leased = await dispatcher.lease(lease, wait_seconds, revocation.signal);
					return jobListBody(leased.map((job) => job.body));
				} finally {
					revocation.release();
				}
			},
			{ detail: leaseOperation },
		)
		.post(
			"/jobs/:id/heartbeat",
			async ({ request, params }) => {
				const [change, { fence, lease_seconds, progress }] = await read(request, params.id, heartbeat);
				const job = await jobs.heartbeat({ ...change, fence, leaseSeconds: lease_seconds, progress });
				return job.body;
			},
			{ detail: heartbeatOperation },
		)
		.post(
			"/jobs/:id/complete",
			async ({ request, params }) => {
				const [change, { fence, result }] = await read(request, params.id, completion);
				const text = result === undefined ? undefined : boundedJson(result, "/result");
				return (await jobs.complete({ ...change, fence, result: text })).body;
			},
			{ detail: completeOperation },
		)
		.post(
			"/jobs/:id/fail",
			async ({ request, params }) => {
				const [change, { fence, error, retry = true, retry_in_seconds }] = await read(
					request,
					params.id,
					failure,
				);
				const job = await jobs.fail({ ...change, fence, error, retry, retryInSeconds: retry_in_seconds });
				dispatcher.ready([job]);
				return job.body;
			},
			{ detail: failOperation },
		);
}
