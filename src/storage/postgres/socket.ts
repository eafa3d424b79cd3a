import { connect, isIP, type Socket } from "node:net";
import { checkServerIdentity, connect as connectTls, getCACertificates, type TLSSocket } from "node:tls";
import type { PostgresHost, PostgresTls } from "../../kernel/postgres-address.ts";
import { TimeoutError, withTimeout } from "../../kernel/timeout.ts";
import { ConnectError, type ConnectFault } from "./connect-error.ts";

/**
 * Opens a connection to a host, with TLS as the mode asks. postgres-js could do it, but has no `verify-ca`, hangs where
 * a server closes the connection, and cannot try again without TLS as `prefer` does. Rejects with a `ConnectError` or
 * an error of the system.
 */
export async function openSocket(host: PostgresHost, tls: PostgresTls, timeoutMs: number): Promise<Socket> {
	// As libpq: no TLS on a Unix socket.
	if (tls.mode === "disable" || host.host.startsWith("/")) return attempt(host, timeoutMs, plain);
	const files = await certificates(tls);
	try {
		return await attempt(host, timeoutMs, (socket) => secure(socket, host.host, tls, files));
	} catch (error) {
		const isHandshake = error instanceof ConnectError && error.code === "CONNECT_TLS_FAILED";
		if (!isHandshake || !isOptional(tls)) throw error;
		return attempt(host, timeoutMs, plain);
	}
}

/** `allow` is done as `prefer`: whether a server takes it without TLS shows only after the login has begun. */
function isOptional({ mode }: PostgresTls): boolean {
	return mode === "prefer" || mode === "allow";
}

async function attempt(
	{ host, port }: PostgresHost,
	timeoutMs: number,
	prepare: (socket: Socket) => Promise<Socket>,
): Promise<Socket> {
	const socket = connect(host.startsWith("/") ? { path: `${host}/.s.PGSQL.${port}` } : { host, port });
	// Errors are reported by `event`; one that comes later must not be an uncaught exception.
	socket.on("error", () => {});
	try {
		const ready = event(socket, "connect").then(() => prepare(socket));
		return reportEarlyClose(await withTimeout(timeoutMs, ready));
	} catch (error) {
		socket.destroy();
		throw asConnectError(error);
	}
}

/** PostgreSQL's manual, 54.7: a CancelRequest, to which no server answers. Every other first message is longer. */
const cancelRequestBytes = 16;

/** If a server closes the connection before it has answered, postgres-js connects again at once, without an end. An error ends that. */
function reportEarlyClose(socket: Socket): Socket {
	const writtenBefore = socket.bytesWritten;
	const onClose = () => {
		const isCancel = socket.bytesWritten - writtenBefore === cancelRequestBytes;
		if (!isCancel) socket.emit("error", new ConnectError("CONNECT_CLOSED"));
	};
	socket.once("close", onClose).once("data", () => socket.off("close", onClose));
	return socket.on("error", () => {});
}

/** Errors of the system that mean something else where they do not come from a connection. */
const systemFaults: Readonly<Record<string, ConnectFault>> = {
	EACCES: "CONNECT_SOCKET_DENIED",
	EHOSTUNREACH: "CONNECT_NO_ROUTE",
	ENETUNREACH: "CONNECT_NO_ROUTE",
	ENOENT: "CONNECT_NO_SOCKET",
	EPERM: "CONNECT_SOCKET_DENIED",
};

function asConnectError(error: unknown): unknown {
	const fault = error instanceof TimeoutError ? "CONNECT_TIMEOUT" : systemFaults[codeOf(error)];
	return fault === undefined ? error : new ConnectError(fault, error);
}

function codeOf(error: unknown): string {
	return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** Resolves with the event's value; rejects if the connection fails or ends before. */
function event<T>(socket: Socket, name: string): Promise<T> {
	const { promise, resolve, reject } = Promise.withResolvers<T>();
	const onClose = () => reject(new ConnectError("CONNECT_CLOSED"));
	socket.once(name, resolve).once("error", reject).once("close", onClose);
	return promise.finally(() => socket.off(name, resolve).off("error", reject).off("close", onClose));
}

async function plain(socket: Socket): Promise<Socket> {
	return socket;
}

/** PostgreSQL's manual, 54.2.10: length, then the number of an SSLRequest. */
const sslRequest = new Uint8Array([0, 0, 0, 8, 4, 210, 22, 47]);

async function secure(socket: Socket, host: string, tls: PostgresTls, files: Certificates): Promise<Socket> {
	const answer = event<Uint8Array>(socket, "data");
	socket.write(sslRequest);
	const text = new TextDecoder().decode(await answer);
	if (text === "N" && isOptional(tls)) return socket;
	if (text === "N") throw new ConnectError("CONNECT_TLS_ABSENT");
	// More than one byte would be text that somebody has put before the encrypted one.
	if (text !== "S") throw new ConnectError("CONNECT_NOT_POSTGRES");
	try {
		return await handshake(socket, host, tls, files);
	} catch (error) {
		throw new ConnectError(faultOf(error), error);
	}
}

async function handshake(
	socket: Socket,
	host: string,
	tls: PostgresTls,
	files: Certificates,
): Promise<Socket> {
	const isVerified = tls.mode === "verify-ca" || tls.mode === "verify-full";
	const secured = connectTls({
		...files,
		socket,
		...(isIP(host) === 0 && { servername: host }),
		rejectUnauthorized: isVerified,
		// Below: Bun does not know which host an address in `host` is.
		checkServerIdentity: () => undefined,
	});
	try {
		await event(secured, "secureConnect");
		if (tls.mode === "verify-full") requireHost(secured, host);
		return secured;
	} catch (error) {
		secured.on("error", () => {}).destroy();
		throw error;
	}
}

function requireHost(secured: TLSSocket, host: string): void {
	const error = checkServerIdentity(host, secured.getPeerCertificate());
	if (error !== undefined) throw error;
}

function faultOf(error: unknown): ConnectFault {
	const code = codeOf(error);
	if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return "CONNECT_TLS_OTHER_HOST";
	if (/^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/.test(code)) return "CONNECT_TLS_EXPIRED";
	return /^(CERT_|UNABLE_|SELF_SIGNED|DEPTH_ZERO|INVALID_|HOSTNAME|PATH_)/.test(code)
		? "CONNECT_TLS_UNTRUSTED"
		: "CONNECT_TLS_FAILED";
}

interface Certificates {
	readonly ca?: string | string[];
	readonly cert?: string;
	readonly key?: string;
}

/** Read at each connection, so that renewed ones need no restart. */
async function certificates({ rootCertificates, client }: PostgresTls): Promise<Certificates> {
	return {
		...(rootCertificates === "system" && { ca: getCACertificates("system") }),
		...(rootCertificates !== undefined &&
			rootCertificates !== "system" && {
				ca: await textOf(rootCertificates, "CONNECT_TLS_ROOTS_UNREADABLE"),
			}),
		...(client !== undefined && {
			cert: await textOf(client.certificate, "CONNECT_TLS_CLIENT_UNREADABLE"),
			key: await textOf(client.key, "CONNECT_TLS_CLIENT_UNREADABLE"),
		}),
	};
}

async function textOf(file: string, fault: ConnectFault): Promise<string> {
	try {
		return await Bun.file(file).text();
	} catch (error) {
		throw new ConnectError(fault, error);
	}
}
