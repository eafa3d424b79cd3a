/** What an e-mail address and a password may look like, wherever one is given: environment, command line, login. */

export const passwordLengthMin = 8;
export const passwordLengthMax = 1024;

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
