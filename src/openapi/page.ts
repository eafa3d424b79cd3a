/** Only our own files may run or load, but Swagger UI sets style attributes and shows icons from data URLs. */
export const pagePolicy = [
	"default-src 'none'",
	"script-src 'self'",
	"style-src 'self' 'unsafe-inline'",
	"img-src 'self' data:",
	"connect-src 'self'",
	"base-uri 'none'",
	"form-action 'none'",
	"frame-ancestors 'none'",
].join("; ");

export const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Orchestrator</title>
<link rel="icon" href="/swagger/favicon.png">
<link rel="stylesheet" href="/swagger/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/swagger/swagger-ui-bundle.js"></script>
<script src="/swagger/start.js"></script>
</body>
</html>
`;

/** No validator: it would send the document to another host. */
export const script = `SwaggerUIBundle({
	url: "/swagger/json",
	dom_id: "#swagger-ui",
	deepLinking: true,
	persistAuthorization: false,
	tryItOutEnabled: true,
	validatorUrl: null,
});
`;
