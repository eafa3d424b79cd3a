/** What an e-mail address, a password, a name and an access token may look like, wherever one is given: environment, command line, API. */

export const passwordLengthMin = 8;
export const passwordLengthMax = 1024;
export const nameLengthMax = 100;
/**
 * What the name of a user, a token or a task's holder looks like, as a regular expression: no control character. Readers
 * of the OpenAPI document that compile it without the flag `u` do not know `\P{Cc}`.
 */
export const namePattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$";

const nameForm = new RegExp(namePattern, "u");

/**
 * Lengths count code points. A text must fit as it is given, as a login counts it, and in NFC, or eight code points could
 * be four characters.
 */
export function isPassword(text: string): boolean {
	return [text, text.normalize("NFC")].every((form) => {
		const { length } = [...form];
		return length >= passwordLengthMin && length <= passwordLengthMax;
	});
}

/** Whether a text can be an address at all; only mail itself can show more. */
export function isEmail(text: string): boolean {
	return [text, text.normalize("NFC")].every((form) => /^[^\s@]{1,64}@[^\s@]{1,189}$/u.test(form));
}

/** Whether a text can be the name of a user or a token: 1 to 100 code points, none a control character. */
export function isName(text: string): boolean {
	return nameForm.test(text) && text.isWellFormed() && [...text].length <= nameLengthMax;
}

/** The name of a user that is shown: the user's own, or by default what stands before the `@`. */
export function nameOf({ name, email }: { readonly name: string | null; readonly email: string }): string {
	// An address may have control characters, which a name has not.
	return name ?? email.replace(/@.*$/su, "").replace(/\p{Cc}/gu, "\ufffd");
}

/** What every access token begins with. A JWT begins with `ey`. */
export const accessTokenPrefix = "orc_";

/** Whether a credential is meant as an access token. Nothing says yet that it is valid. */
export function isAccessToken(text: string): boolean {
	return text.startsWith(accessTokenPrefix);
}

const accessTokensIn = new RegExp(`${accessTokenPrefix}[\\w-]+`, "g");

/** A text in which no access token can be read: somebody may put one where its id belongs. */
export function withoutAccessTokens(text: string): string {
	return text.includes(accessTokenPrefix) ? text.replaceAll(accessTokensIn, `${accessTokenPrefix}…`) : text;
}

/** The form in which addresses are kept and compared. */
export function normalizeEmail(email: string): string {
	return lowerCase(email).normalize("NFC");
}

/**
 * Every form in which an address may be kept, the one that was given first: they were once kept as they were given, and
 * no database here can normalize them. Most addresses have one.
 */
export function emailForms(email: string): readonly string[] {
	const given = lowerCase(email);
	return [...new Set([given, given.normalize("NFC"), given.normalize("NFD")])];
}

function lowerCase(email: string): string {
	return email.trim().toLowerCase();
}
