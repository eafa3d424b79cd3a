/** A response as it was received. */
export interface RawAnswer {
	readonly status: number;
	/** Status line and headers, line by line. */
	readonly head: readonly string[];
	readonly body: string;
	header(name: string): string | undefined;
}

/**
 * Sends bytes that no HTTP client would send and reads until the server closes; the caller must send
 * `Connection: close`. The parts are sent one after the other, each when it is available.
 */
export async function sendRaw(url: string, ...parts: readonly (Part | Promise<Part>)[]): Promise<RawAnswer> {
	const { hostname, port } = new URL(url);
	const chunks: Uint8Array[] = [];
	const { promise: closed, resolve } = Promise.withResolvers<void>();
	const socket = await Bun.connect({
		hostname,
		port: Number(port),
		socket: {
			data: (_, chunk) => void chunks.push(new Uint8Array(chunk)),
			close: () => resolve(),
			error: () => resolve(),
		},
	});
	for (const part of parts) await writeAll(socket, await part);
	await closed;
	return parse(Buffer.concat(chunks).toString("utf8"));
}

type Part = string | Uint8Array;

async function writeAll(socket: Bun.Socket, part: Part): Promise<void> {
	let rest = typeof part === "string" ? new TextEncoder().encode(part) : part;
	while (rest.length > 0) {
		const written = socket.write(rest);
		if (written < 0) return; // the server has closed the connection
		rest = rest.subarray(written);
		if (rest.length > 0) await Bun.sleep(1);
	}
	socket.flush();
}

function parse(text: string): RawAnswer {
	const end = text.indexOf("\r\n\r\n");
	const head = text.slice(0, end).split("\r\n");
	return {
		status: Number(head[0]?.split(" ")[1]),
		head,
		body: text.slice(end + 4),
		header(name) {
			const line = head.find((candidate) => candidate.toLowerCase().startsWith(`${name.toLowerCase()}:`));
			return line?.slice(name.length + 1).trim();
		},
	};
}

/** A connection that a test writes to and reads from as it likes. */
export interface RawConnection {
	send(bytes: string): void;
	/** Everything that was received so far. */
	received(): string;
	/** Resolves when what was received contains the text. Fails when the server closes before. */
	until(text: string): Promise<void>;
	/** Resolves when the server has closed the connection. */
	readonly closed: Promise<void>;
	end(): void;
}

export async function connectRaw(url: string): Promise<RawConnection> {
	const { hostname, port } = new URL(url);
	const { promise: closed, resolve: close } = Promise.withResolvers<void>();
	let received = "";
	let onData = Promise.withResolvers<void>();
	const socket = await Bun.connect({
		hostname,
		port: Number(port),
		socket: {
			data: (_, chunk) => {
				received += chunk.toString("utf8");
				onData.resolve();
				onData = Promise.withResolvers<void>();
			},
			close: () => close(),
			error: () => close(),
		},
	});
	return {
		send: (bytes) => void socket.write(bytes),
		received: () => received,
		async until(text) {
			let isClosed = false;
			while (!received.includes(text)) {
				if (isClosed) throw new Error(`closed after ${JSON.stringify(received)}`);
				isClosed = await Promise.race([onData.promise.then(() => false), closed.then(() => true)]);
			}
		},
		closed,
		end: () => void socket.end(),
	};
}
