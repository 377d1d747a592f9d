-- The request of every run: 479 bytes with what a browser sends. With PAYMENTS set, each request carries the next payment of
-- that file; when the file is used up the run's figure is void, since what follows is refused. With BODY_BYTES set, each is
-- a POST of that many bytes; with GRANT set, each is paid from a balance.
local fields = {
    ["Host"] = "api.example.com",
    ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36",
    ["Accept"] = "application/json, text/plain, */*",
    ["Accept-Language"] = "en-US,en;q=0.9,de;q=0.8",
    ["Accept-Encoding"] = "gzip, deflate, br, zstd",
    ["Referer"] = "https://app.example.com/dashboard/weather",
    ["X-Request-Id"] = "6f1c1c34-8d5e-4d7a-9a3e-3b4f5a6b7c8d",
    ["Cookie"] = "sid=abcdef0123456789abcdef0123456789; theme=dark",
}
for name, value in pairs(fields) do wrk.headers[name] = value end

local grant = os.getenv("GRANT")
if grant then wrk.headers["Payment-Grant"] = grant end

local size = tonumber(os.getenv("BODY_BYTES") or "")
if size then
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/octet-stream"
    wrk.body = string.rep("0123456789abcdef", size / 16)
end

local path = os.getenv("PAYMENTS")
local lines = path and io.open(path, "r")
local head, tail

if lines then
    function init()
        local whole = wrk.format()
        head = whole:sub(1, -3) .. "PAYMENT-SIGNATURE: "
        tail = "\r\n\r\n"
    end

    function request()
        return head .. (lines:read("*l") or "used-up") .. tail
    end
end
