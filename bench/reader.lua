-- wrk reads; with the argument `again` as browsers do, which give back the tag of the last answer.
-- In the end it prints one JSON object.

local own

function setup(thread)
   own = thread
end

function init(arguments)
   whole, unchanged = 0, 0
   wrk.headers["Accept-Encoding"] = "gzip"
   if arguments[1] == "again" then
      -- Without these two wrk itself has much less to do for each request.
      request = function()
         return wrk.format("GET")
      end
      response = seen
   end
end

function seen(status, headers, body)
   if status == 200 then
      whole = whole + 1
   elseif status == 304 then
      unchanged = unchanged + 1
   end
   wrk.headers["If-None-Match"] = headers["ETag"]
end

function done(summary, latency, requests)
   local e = summary.errors
   local failed = e.connect + e.read + e.write + e.status + e.timeout
   io.write(string.format(
      '\n{"requests": %d, "seconds": %.6f, "octets": %d, "failed": %d, "whole": %d, ' ..
      '"unchanged": %d, "p50_ms": %.3f, "p99_ms": %.3f}\n',
      summary.requests, summary.duration / 1e6, summary.bytes, failed, own:get("whole"),
      own:get("unchanged"), latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
