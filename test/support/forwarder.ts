import { type AddressInfo, connect, createServer } from "node:net";
import { onEnd } from "./teardown.ts";

/** Passes connections on to a port that can be changed; those that are open stay where they are. */
export interface Forwarder {
	readonly port: number;
	forwardTo(port: number): void;
}

export async function startForwarder(port: number): Promise<Forwarder> {
	let target = port;
	const server = createServer((client) => {
		const upstream = connect(target, "127.0.0.1");
		client.pipe(upstream).pipe(client);
		client.on("error", () => upstream.destroy());
		upstream.on("error", () => client.destroy());
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	onEnd(() => server.close());
	return {
		port: (server.address() as AddressInfo).port,
		forwardTo(next) {
			target = next;
		},
	};
}
