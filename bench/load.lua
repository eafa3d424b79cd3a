-- wrk sends the requests of the file $LOAD_REQUESTS (whole HTTP messages, a NUL between two) in turn, each connection
-- the next one, and at the end prints what came of it as one line of JSON. With $LOAD_DELAY_MS it waits before each.

local requests = {}
local sent = 0

function init()
	local file = assert(io.open(os.getenv("LOAD_REQUESTS"), "rb"))
	for request in file:read("*a"):gmatch("[^%z]+") do
		requests[#requests + 1] = request
	end
	file:close()
end

function request()
	sent = sent % #requests + 1
	return requests[sent]
end

local pause = tonumber(os.getenv("LOAD_DELAY_MS"))
if pause then
	function delay()
		return pause
	end
end

function done(summary, latency)
	local errors = summary.errors
	io.write(string.format(
		'\nLOAD {"requests":%d,"seconds":%f,"p50Ms":%f,"p99Ms":%f,"refused":%d,"broken":%d}\n',
		summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
		errors.status, errors.connect + errors.read + errors.write + errors.timeout
	))
end
