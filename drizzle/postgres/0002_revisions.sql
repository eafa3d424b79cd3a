CREATE TABLE "revisions" (
	"collection" text PRIMARY KEY NOT NULL,
	"rev" bigint NOT NULL
);
--> statement-breakpoint
INSERT INTO "revisions" ("collection", "rev") SELECT 'tasks', "tasks_rev" FROM "log_head";
--> statement-breakpoint
ALTER TABLE "users" ALTER COLUMN "token_generation" SET DATA TYPE bigint;
--> statement-breakpoint
ALTER TABLE "log_head" DROP COLUMN "tasks_rev";
--> statement-breakpoint
UPDATE "idempotency" SET "body" = json_build_object('id', "body"::json ->> 'id', 'body', "body")::text WHERE "scope" LIKE '% POST /collab/tasks';
--> statement-breakpoint
UPDATE "idempotency" SET "body" = json_build_object(
	'isNew', split_part("body", ' ', 1) = 'new',
	'state', split_part("body", ' ', 2),
	'id', split_part("body", ' ', 3),
	'body', substr("body", length(split_part("body", ' ', 2)) + 43)
)::text WHERE "scope" LIKE '% POST /jobs';
