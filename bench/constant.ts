/** The yardstick: what Bun itself takes to serve one constant route. */
const server = Bun.serve({
	hostname: "127.0.0.1",
	port: Number(Bun.env.PORT),
	routes: { "/healthz": new Response('{"status":"ok"}') },
});
process.on("SIGTERM", () => server.stop());
