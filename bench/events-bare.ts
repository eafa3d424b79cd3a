/** The yardstick: a Bun server that has the frames in memory and does nothing but write them to its clients. */
const clients = new Set<ReadableStreamDefaultController<Uint8Array>>();
const opening = Buffer.from("retry: 1000\n\n");

function broadcast(bytes: Uint8Array): void {
	for (const client of clients) client.enqueue(bytes);
}

const server = Bun.serve({
	hostname: "127.0.0.1",
	port: Number(Bun.env.PORT),
	idleTimeout: 0,
	routes: {
		"/events/tail": () => {
			let own: ReadableStreamDefaultController<Uint8Array>;
			const body = new ReadableStream<Uint8Array>({
				start(controller) {
					own = controller;
					clients.add(own);
					own.enqueue(opening);
				},
				cancel() {
					clients.delete(own);
				},
			});
			return new Response(body, { headers: { "content-type": "text/event-stream" } });
		},
		/** Writes the body to every client, in pieces of whole frames. */
		"/broadcast": {
			POST: async (request) => {
				const frames = Buffer.from(await request.arrayBuffer());
				for (let start = 0; start < frames.length; ) {
					const end = frames.lastIndexOf("\n\n", start + 64 * 1024) + 2;
					broadcast(frames.subarray(start, end));
					start = end;
				}
				return new Response();
			},
		},
		/** Answers what was sent and writes it to every client as one frame. */
		"/collab/tasks": {
			POST: async (request) => {
				const body = await request.text();
				broadcast(Buffer.from(`id: 1\nevent: task.created\ndata: ${body}\n\n`));
				return new Response(body, { headers: { "content-type": "application/json" } });
			},
		},
	},
});
process.on("SIGTERM", () => server.stop(true));
