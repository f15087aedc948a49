-- wrk: POST /v1/leads with bodies of nearly a megabyte, most of it metadata. Set BENCH_KEY and BENCH_LIST.
local fields = {}
for i = 1, 20000 do fields[i] = string.format('"field%d":"%s"', i, string.rep("x", 28)) end
local body = string.format('{"name":"Dana Levi","phone_number":"+491510000001","list_id":"%s","metadata":{%s}}',
  os.getenv("BENCH_LIST"), table.concat(fields, ","))

wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_KEY")
wrk.body = body

function done(summary, latency)
  io.write(string.format('RESULT {"requests":%d,"seconds":%.4f,"p50Ms":%.3f,"p99Ms":%.3f,"non2xx":%d,"socketErrors":%d,"bytes":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout, #body))
end
