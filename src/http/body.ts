import { AppError } from "../kernel/errors.ts";
import { declaresJson } from "./content-type.ts";
import { parseJson } from "./json.ts";
import { parameterNames } from "./query.ts";

/** A request's body as read: a JSON value, or the error to throw once its turn has come. */
export type ReadBody =
	| {
			readonly value: unknown;
			/** The names of the query parameters that came with it: no request with a body has any. */
			readonly parameters: readonly string[];
	  }
	| { readonly error: AppError };

/** Reads the body of a request; never throws. */
export type BodyReader = (request: Request) => Promise<ReadBody>;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/**
 * Reads a JSON body of at most `bytesMax` bytes and never throws: authentication, existence and precondition come
 * before the body's faults (contract §1), so those are returned.
 */
export async function readJson(request: Request, bytesMax: number): Promise<ReadBody> {
	try {
		// A length that is sent twice comes as `5, 5`, which is no number: such a body is counted like a chunked one.
		const declared = Number(request.headers.get("content-length") ?? Number.NaN);
		if (declared > bytesMax) throw tooLarge(bytesMax);
		const bytes = await (declared <= bytesMax ? request.bytes() : readChunks(request, bytesMax));
		requireJson(request.headers);
		return { value: parseJson(utf8.decode(bytes)), parameters: parameterNames(request.url) };
	} catch (error) {
		if (error instanceof AppError) return { error };
		if (error instanceof SyntaxError) return badRequest("The body is not JSON.");
		if (error instanceof TypeError) return badRequest("The body is not UTF-8.");
		if (error instanceof RangeError) return badRequest("The body is nested too deeply.");
		return badRequest("The body did not arrive whole.");
	}
}

function badRequest(message: string): ReadBody {
	return { error: new AppError("bad_request", message) };
}

/** Throws `unsupported_media_type` for a body that is not declared as JSON, or that is compressed. */
function requireJson(headers: Headers): void {
	if (!declaresJson(headers.get("content-type") ?? "")) {
		throw new AppError(
			"unsupported_media_type",
			"The body must be declared as Content-Type: application/json.",
		);
	}
	const coding = headers.get("content-encoding");
	if (coding === null || coding === "" || coding.toLowerCase() === "identity") return;
	const message = "The body must be sent as it is, without a Content-Encoding.";
	throw new AppError("unsupported_media_type", message, { acceptEncoding: "identity" });
}

/** A chunked body says nothing of its length: it is counted while it comes and cut off at the limit. */
async function readChunks(request: Request, bytesMax: number): Promise<Uint8Array> {
	const chunks: Uint8Array[] = [];
	let length = 0;
	for await (const chunk of request.body ?? []) {
		length += chunk.byteLength;
		if (length > bytesMax) throw tooLarge(bytesMax);
		chunks.push(chunk);
	}
	return Buffer.concat(chunks);
}

function tooLarge(bytesMax: number): AppError {
	return new AppError("payload_too_large", `The body is larger than ${bytesMax} bytes.`);
}
