// Node's own server.
"use strict";

const fs = require("fs");
const http = require("http");

const server = http.createServer((request, response) => {
    const pieces = [];
    request.on("data", (piece) => pieces.push(piece));
    request.on("end", () => {
        const body = Buffer.concat(pieces).toString("latin1");
        fs.appendFileSync(process.env.RECORDS, JSON.stringify([request.method, request.url, body]) + "\n");
        const answer = JSON.stringify({ served: request.url, method: request.method });
        response.writeHead(200, { "Content-Type": "application/json", "Content-Length": answer.length });
        response.end(answer);
    });
});
server.keepAliveTimeout = 60000;
server.listen(process.env.SOCKET);
