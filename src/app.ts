import { type AnyElysia, Elysia } from "elysia";
import { accessTokenParts } from "./auth/access-token-parts.ts";
import { apiKeys } from "./auth/api-keys.ts";
import { actFor } from "./auth/login-guard.ts";
import { passwords } from "./auth/passwords.ts";
import { loginRoutes, meRoutes } from "./auth/routes.ts";
import { auth } from "./auth/service.ts";
import { tokens } from "./auth/tokens.ts";
import { userService } from "./auth/users.ts";
import type { Config } from "./config.ts";
import { Broadcaster } from "./events/broadcaster.ts";
import { Retention } from "./events/retention.ts";
import { eventRoutes } from "./events/routes.ts";
import { healthRoutes } from "./health/routes.ts";
import { withMiddleware } from "./http/app-middleware.ts";
import { readJson } from "./http/body.ts";
import { listen } from "./http/listen.ts";
import { Cursors } from "./http/paging.ts";
import type { RequestContext } from "./http/request-context.ts";
import { requestHandler } from "./http/request-handler.ts";
import { RouteTable } from "./http/route-table.ts";
import { jobParts } from "./jobs/parts.ts";
import { jobStates } from "./jobs/store.ts";
import { type Clock, systemClock } from "./kernel/clock.ts";
import { isAccessToken } from "./kernel/credentials.ts";
import { AppError } from "./kernel/errors.ts";
import { type NewId, newId as newUuid } from "./kernel/ids.ts";
import type { Log } from "./kernel/log.ts";
import { type MaybePromise, whenResolved } from "./kernel/maybe-promise.ts";
import { randomSecret } from "./kernel/random-secret.ts";
import type { Metrics } from "./metrics/metrics.ts";
import { metricsRoutes } from "./metrics/routes.ts";
import { openapiRoutes } from "./openapi/routes.ts";
import type { Counter } from "./rate-limit/counter.ts";
import { loginLimit } from "./rate-limit/login.ts";
import { MemoryCounter } from "./rate-limit/memory.ts";
import { RedisCounter } from "./rate-limit/redis.ts";
import { requestLimit } from "./rate-limit/request-limit.ts";
import { inLivingSpaces } from "./spaces/living.ts";
import { membership } from "./spaces/members.ts";
import { spaceNames, spaceParts } from "./spaces/parts.ts";
import { spaceRoutes } from "./spaces/routes.ts";
import type { Storage } from "./storage/storage.ts";
import { taskParts } from "./tasks/parts.ts";

export interface AppDeps {
	readonly storage: Storage;
	readonly log: Log;
	readonly clock?: Clock;
	readonly newId?: NewId;
	/** How long a request may take to arrive whole, however its bytes trickle, and its response to begin. */
	readonly requestSecondsMax?: number;
}

export interface App {
	/** Listens; throws `StartupError` if it cannot. */
	start(): { readonly url: string };
	/** `/healthz` is 503 until this is called: once there is a user who can log in. */
	ready(): void;
	/** Takes no more work, finishes what runs (10 s at most), closes. The storage stays open. Idempotent. */
	stop(): Promise<void>;
	/** The OpenAPI document, as canonical JSON. */
	openapi(): Promise<string>;
}

/** How long stopping waits for requests that are under way. */
const drainMsMax = 10_000;

/** Wires everything by hand: read from top to bottom to see what depends on what. */
export async function build(config: Config, deps: AppDeps): Promise<App> {
	const { storage, log, clock = systemClock, newId = newUuid, requestSecondsMax = 60 } = deps;
	const secret = config.jwtSecret ?? (await storage.settings.getOrMake("jwt_secret", randomSecret));
	const cursors = new Cursors(await storage.settings.getOrMake("cursor_secret", randomSecret));
	const issued = tokens(secret, config.jwtExpireMinutes, clock);
	const run = inLivingSpaces(storage.run);
	const users = userService(storage.users, run, membership);
	const login = auth(users, passwords(), issued);
	const keys = apiKeys(config.apiKeys);
	const accessTokens = await accessTokenParts({
		storage,
		clock,
		newId,
		log,
		auth: login,
		keys,
		spaces: spaceNames(storage.spaces),
	});
	const counter = openCounter(config, log, clock);
	const limit = requestLimit({
		counter,
		rates: config,
		fingerprintOf: (key) => keys.fingerprint(key),
		userIdOf: (token) => whenResolved(issued.verify(token), (identity) => identity?.userId),
		hashOf: (token) => accessTokens.texts.hashOf(token),
	});
	const broadcaster = new Broadcaster({
		events: storage.events,
		log,
		keepaliveMs: config.sseKeepaliveSeconds * 1000,
		streamsMax: config.eventStreamsMax,
	});
	const retention = new Retention({
		events: storage.events,
		idempotency: storage.idempotency,
		retentionMs: config.eventsRetentionHours * 3_600_000,
		clock,
		databaseNow: storage.now,
		log,
	});
	const spaces = spaceParts({
		store: storage.spaces,
		run,
		callerOf: accessTokens.callerOf,
		identityOf: ({ kind, text }) =>
			kind === "token" && !isAccessToken(text) ? issued.verify(text) : undefined,
		actFor,
		isOpen: config.reads === "public",
		log,
		onChange: () => broadcaster.signal.notify(),
	});
	const { onChange } = storage.events;
	const tasks = taskParts({ stores: storage, run, onChange, clock, log });
	const jobs = jobParts({
		store: storage.jobs,
		run,
		onChange,
		retentionMs: config.jobsRetentionHours * 3_600_000,
		databaseNow: storage.now,
		log,
	});
	let isReady = false;
	let isStopping = false;

	function admit(request: Request, context: RequestContext): MaybePromise<void> {
		if (isStopping) {
			context.headers.connection = "close";
			throw new AppError("unavailable", "The server is shutting down.", { retryAfterSeconds: 1 });
		}
		return limit(request, context);
	}

	const readBody = (request: Request) => readJson(request, config.bodyBytesMax);

	const metrics = config.metrics ? await openMetrics(storage, broadcaster) : undefined;

	const openapi = openapiRoutes(() => routes.routes);
	const routes: AnyElysia = new Elysia()
		.use(healthRoutes({ ping: storage.ping, isReady: () => isReady }))
		.use(
			loginRoutes({
				auth: login,
				readBody,
				loginLimit: loginLimit(counter, config.loginRateLimit),
				expiresInSeconds: issued.expiresInSeconds,
			}),
		)
		.use(meRoutes({ users, guards: accessTokens.guards, spaces: spaces.names, readBody }))
		.use(accessTokens.routes(readBody))
		.use(
			spaceRoutes({
				spaces: spaces.spaces,
				access: spaces.access,
				...accessTokens.guards,
				findUser: users.findByAddress,
				readBody,
				cursors,
				clock,
			}),
		)
		.use(
			tasks.routes({
				readBody,
				requireWriter: spaces.requireWriter,
				requireReader: spaces.requireReader,
				readerOf: spaces.readerOf,
				untilRevoked: spaces.untilRevoked("write"),
				cursors,
				clock,
				newId,
			}),
		)
		.use(
			jobs.routes({
				readBody,
				requireWorker: spaces.guard("jobs"),
				untilRevoked: spaces.untilRevoked("jobs"),
				cursors,
				newId,
			}),
		)
		.use(
			eventRoutes({
				events: storage.events,
				broadcaster,
				accessOf: spaces.logAccess,
			}),
		)
		.use(metricsRoutes({ metrics, requireMetrics: spaces.guard("metrics") }))
		.use(openapi.routes);
	const table = new RouteTable(() => routes.routes);
	const handle = withMiddleware(routes, {
		log,
		admit,
		methodsOf: (path) => table.methodsOf(path),
		corsOrigins: config.corsOrigins,
	});
	const { fetch, idle } = requestHandler({
		handle,
		log,
		trustProxy: config.trustProxy,
		idleTimeoutSeconds: config.idleTimeoutSeconds,
		observe: metrics?.observer((path) => table.routeOf(path)),
	});
	let server: Bun.Server<undefined> | undefined;
	let stopped: Promise<void> | undefined;

	return {
		start() {
			server = listen({ ...config, fetch, requestSecondsMax });
			retention.start();
			jobs.start();
			tasks.start();
			spaces.watch.start();
			spaces.remover.start();
			accessTokens.uses.start();
			return { url: server.url.href.replace(/\/$/, "") };
		},
		ready() {
			isReady = true;
		},
		stop() {
			stopped ??= (async () => {
				isStopping = true;
				const closed = server?.stop();
				await Promise.all([retention.stop(), jobs.stop(), tasks.stop(), spaces.remover.stop()]);
				if (!(await idle(drainMsMax))) log.warn("Requests were still under way after 10 s.");
				// Streams end last, just before the sockets: a browser that reconnects to a 503 gives up, while one that
				// finds nobody listening tries again.
				await Promise.all([broadcaster.stop(), spaces.watch.stop()]);
				await server?.stop(true);
				await closed;
				await accessTokens.uses.stop();
				await counter.stop();
				metrics?.stop();
			})();
			return stopped;
		},
		openapi: openapi.document,
	};
}

function openCounter({ redisUrl }: Config, log: Log, clock: Clock): Counter {
	const local = new MemoryCounter(clock);
	return redisUrl === undefined ? local : new RedisCounter(redisUrl, local, log);
}

/** The library is loaded only where metrics are on. */
async function openMetrics({ jobs, writes }: Storage, broadcaster: Broadcaster): Promise<Metrics> {
	const { Metrics } = await import("./metrics/metrics.ts");
	return new Metrics({ jobs, jobStates, writes, streams: () => broadcaster.streams });
}
