import type { Socket } from "bun";

/** The load, in a process of its own: clients that read a stream as fast as it comes and count its events. */
export type Wish =
	| { readonly wish: "open"; readonly url: string; readonly clients: number }
	/** Tells when each client has had so many events. */
	| { readonly wish: "expect"; readonly events: number }
	/** Sends tasks at a rate while one client reads; tells how long each event took. */
	| {
			readonly wish: "pace";
			readonly url: string;
			readonly authorization: string;
			readonly perSecond: number;
			readonly seconds: number;
	  }
	| { readonly wish: "close" };

/**
 * Answers: milliseconds. Of `expect`, from the first event to the last; of `pace`, for each event the time since its
 * request was sent, then for each the time since the request was answered.
 */
export type Answer = readonly number[];

const sign = Buffer.from("\nevent: task.created\n");
const sockets: Socket<{ tail: Buffer; events: number; isOpen: boolean }>[] = [];
let events = 0;
let expected = Number.POSITIVE_INFINITY;
let firstAt = 0;
let reached = Promise.withResolvers<number>();
let opened = Promise.withResolvers<void>();
let open = 0;

function count(bytes: Buffer): number {
	let found = 0;
	for (let at = bytes.indexOf(sign); at !== -1; at = bytes.indexOf(sign, at + sign.length)) found++;
	return found;
}

async function openClients(url: string, clients: number): Promise<void> {
	const { hostname, port } = new URL(url);
	opened = Promise.withResolvers();
	open = 0;
	for (let index = 0; index < clients; index++) {
		const socket = await Bun.connect<{ tail: Buffer; events: number; isOpen: boolean }>({
			hostname,
			port: Number(port),
			data: { tail: Buffer.alloc(0), events: 0, isOpen: false },
			socket: {
				data(own, bytes) {
					if (!own.data.isOpen && bytes.includes("retry: 1000")) {
						own.data.isOpen = true;
						if (++open === clients) opened.resolve();
					}
					const seen = own.data.tail.length > 0 ? Buffer.concat([own.data.tail, bytes]) : bytes;
					const found = count(seen);
					// A sign may be cut in two; what is kept is too short to hold a whole one.
					own.data.tail = Buffer.from(seen.subarray(-(sign.length - 1)));
					if (found === 0) return;
					if (events === 0) firstAt = performance.now();
					events += found;
					if (events >= expected) reached.resolve(performance.now() - firstAt);
				},
			},
		});
		socket.write("GET /events/tail HTTP/1.1\r\nHost: bench\r\n\r\n");
		sockets.push(socket);
	}
	await opened.promise;
}

async function pace(wish: Extract<Wish, { wish: "pace" }>): Promise<Answer> {
	const { url, authorization, perSecond, seconds } = wish;
	const stream = await fetch(`${url}/events/tail`);
	const sentAt: number[] = [];
	const answeredAt: number[] = [];
	const cameAt: number[] = [];
	let came = 0;
	const total = perSecond * seconds;
	const read = (async () => {
		const text = new TextDecoder();
		let tail = "";
		for await (const chunk of stream.body ?? []) {
			const now = performance.now();
			const seen = tail + text.decode(chunk, { stream: true });
			const end = seen.lastIndexOf("\n\n") + 1;
			for (const [, index] of seen.slice(0, end).matchAll(/"title":"paced (\d+)"/g)) {
				cameAt[Number(index)] = now;
				came++;
			}
			tail = seen.slice(end);
			if (came >= total) return;
		}
	})();
	const began = performance.now();
	const pending: Promise<unknown>[] = [];
	for (let index = 0; index < total; ) {
		for (; index < total && index < ((performance.now() - began) / 1000) * perSecond; index++) {
			sentAt[index] = performance.now();
			const sent = fetch(`${url}/collab/tasks`, {
				method: "POST",
				headers: { authorization, "content-type": "application/json" },
				body: `{"title":"paced ${index}"}`,
			});
			const own = index;
			const answered = sent.then(done).then(() => {
				answeredAt[own] = performance.now();
			});
			pending.push(answered);
		}
		await Bun.sleep(0.5);
	}
	await Promise.all(pending);
	await read;
	const since = (times: readonly number[]) =>
		times.map((time, index) => Math.max(0, (cameAt[index] ?? 0) - time));
	return [...since(sentAt), ...since(answeredAt)];
}

async function done(response: Response): Promise<void> {
	await response.arrayBuffer();
	if (!response.ok) throw new Error(`a task was answered with ${response.status}`);
}

async function grant(wish: Wish): Promise<Answer> {
	switch (wish.wish) {
		case "open":
			await openClients(wish.url, wish.clients);
			return [];
		case "expect":
			events = 0;
			expected = wish.events * sockets.length;
			reached = Promise.withResolvers();
			return [await reached.promise];
		case "pace":
			return pace(wish);
		case "close":
			for (const socket of sockets.splice(0)) socket.end();
			return [];
	}
}

process.on("message", async (wish: Wish) => process.send?.(await grant(wish)));
