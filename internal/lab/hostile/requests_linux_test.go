package hostile_test

import (
	"fmt"
	"strconv"
	"strings"
)

// request is one to send: a line, headers besides those that every request has, and a body as it is.
func request(line, headers, body string) []byte {
	return []byte(line + "\r\nHost: localhost\r\nAuthorization: Bearer " + key + "\r\nConnection: close\r\n" + headers + "\r\n" + body)
}

// sized is the header of a body's length.
func sized(body string) string { return "Content-Length: " + strconv.Itoa(len(body)) + "\r\n" }

const (
	toComplete = "POST /v1/completions HTTP/1.1"
	chunked    = "Transfer-Encoding: chunked\r\n"
	good       = `{"prompt":"a","max_tokens":1}`
)

// wrongRequest is a request and the statuses that it may be answered with. code is that of the API's error, "" where Go's own HTTP answers
// before anything of ours is asked.
type wrongRequest struct {
	name     string
	raw      []byte
	statuses []int
	code     string
}

// padding is a good request of so many bytes.
func padding(n int) string { return good + strings.Repeat(" ", n-len(good)) }

// bodies are requests whose body is wrong, or at a limit.
func bodies() []wrongRequest {
	const mib = 1 << 20
	chunk := func(s string) string { return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(s), s) }
	return []wrongRequest{
		{"a good one", request(toComplete, sized(good), good), []int{200}, ""},
		{"a body of exactly 1 MiB", request(toComplete, sized(padding(mib)), padding(mib)), []int{200}, ""},
		{"one byte more", request(toComplete, sized(padding(mib+1)), padding(mib+1)), []int{413}, "body_too_large"},
		{"1 MiB in chunks", request(toComplete, chunked, chunk(padding(mib))), []int{200}, ""},
		{"one byte more in chunks", request(toComplete, chunked, chunk(padding(mib+1))), []int{413}, "body_too_large"},
		{"a terabyte, as it says", request(toComplete, "Content-Length: 1099511627776\r\n", good), []int{413}, "body_too_large"},
		{"a body that is cut off", request(toComplete, "Content-Length: 100\r\n", good), []int{400}, "invalid_body"},
		{"a length that cuts it off", request(toComplete, "Content-Length: 10\r\n", good), []int{400}, "invalid_json"},
		{"no length", request(toComplete, "", good), []int{400}, "invalid_json"},
		{"length 0", request(toComplete, "Content-Length: 0\r\n", ""), []int{400}, "invalid_json"},
		{"a length below zero", request(toComplete, "Content-Length: -1\r\n", good), []int{400}, ""},
		{"a length in words", request(toComplete, "Content-Length: ten\r\n", good), []int{400}, ""},
		{"two lengths", request(toComplete, "Content-Length: 5\r\nContent-Length: 6\r\n", good), []int{400}, ""},
		{"a length and chunks", request(toComplete, sized(good)+chunked, chunk(good)), []int{200, 400}, ""},
		{"another coding", request(toComplete, "Transfer-Encoding: gzip\r\n", good), []int{501}, ""},
		{"chunks that are none", request(toComplete, chunked, "ZZ\r\n"+good), []int{400}, "invalid_body"},
		{"a chunk of 2^80", request(toComplete, chunked, "100000000000000000000\r\n"+good), []int{400}, "invalid_body"},
		{"chunks without an end", request(toComplete, chunked, fmt.Sprintf("%x\r\n%s\r\n", len(good), good)), []int{400}, "invalid_body"},
		{"a chunk with a long extension", request(toComplete, chunked, "1;"+strings.Repeat("x", 100_000)+"\r\n{\r\n0\r\n\r\n"), []int{400}, "invalid_body"},
		{"no UTF-8", request(toComplete, sized(good+"\xff"), good+"\xff"), []int{400}, "invalid_json"},
		{"a byte order mark", request(toComplete, sized("\xef\xbb\xbf"+good), "\xef\xbb\xbf"+good), []int{400}, "invalid_json"},
		{"NUL bytes", request(toComplete, "Content-Length: 1000\r\n", strings.Repeat("\x00", 1000)), []int{400}, "invalid_json"},
		{"500000 arrays in each other", request(toComplete, "Content-Length: 500000\r\n", strings.Repeat("[", 500_000)), []int{400}, "invalid_json"},
	}
}

// lines are requests whose first line or header is wrong.
func lines() []wrongRequest {
	get := func(target, headers string) []byte { return request("GET "+target+" HTTP/1.1", headers, "") }
	bare := func(head string) []byte { return []byte(head + "\r\n\r\n") }
	auth := "\r\nAuthorization: Bearer " + key
	return []wrongRequest{
		{"garbage", []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"), []int{0, 400}, ""},
		{"nothing", nil, []int{0}, ""},
		{"HTTP/2 at once", []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"), []int{403}, "host_not_allowed"},
		{"HTTP/9.9", bare("GET /health HTTP/9.9\r\nHost: localhost"), []int{400, 505}, ""},
		{"HTTP/1.0", bare("GET /v1/models HTTP/1.0\r\nHost: localhost" + auth), []int{200}, ""},
		{"HTTP/1.0 without a host", bare("GET /v1/models HTTP/1.0" + auth), []int{403}, "host_not_allowed"},
		{"no host", bare("GET /health HTTP/1.1"), []int{400}, ""},
		{"two hosts", bare("GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example.org"), []int{400}, ""},
		{"another host", bare("GET /health HTTP/1.1\r\nConnection: close\r\nHost: evil.example.org"), []int{403}, "host_not_allowed"},
		{"a host that only begins right", bare("GET /health HTTP/1.1\r\nConnection: close\r\nHost: localhost.evil.example.org"), []int{403}, "host_not_allowed"},
		{"another origin", get("/v1/models", "Origin: https://evil.example.org\r\n"), []int{403}, "origin_not_allowed"},
		{"two origins", get("/v1/models", "Origin: null\r\nOrigin: https://evil.example.org\r\n"), []int{403}, "origin_not_allowed"},
		{"a whole URI", get("http://localhost/v1/models", ""), []int{200}, ""},
		{"a whole URI of another host", get("http://evil.example.org/v1/models", ""), []int{403}, "host_not_allowed"},
		{"//v1/models", get("//v1/models", ""), []int{404}, "unknown_url"},
		{"/v1/../v1/models", get("/v1/../v1/models", ""), []int{404}, "unknown_url"},
		{"/v1/./models", get("/v1/./models", ""), []int{404}, "unknown_url"},
		{"a NUL in the path", get("/v1/models%00", ""), []int{404}, "unknown_url"},
		{"a path up", get("/v1/models/..%2f..%2fetc%2fpasswd", ""), []int{404}, "model_not_found"},
		{"a path of 20 KB", get("/"+strings.Repeat("a", 20<<10), ""), []int{404}, "unknown_url"},
		{"no path", bare("GET HTTP/1.1\r\nHost: localhost"), []int{400}, ""},
		{"CONNECT", bare("CONNECT localhost:22 HTTP/1.1\r\nConnection: close\r\nHost: localhost:22" + auth), []int{404}, "unknown_url"},
		{"TRACE", request("TRACE /v1/models HTTP/1.1", "", ""), []int{405}, "method_not_allowed"},
		{"DELETE", request("DELETE /v1/models HTTP/1.1", "", ""), []int{405}, "method_not_allowed"},
		{"a method of its own", request("BREW /v1/completions HTTP/1.1", "", ""), []int{405}, "method_not_allowed"},
		{"a header of 64 KiB", get("/health", "X: "+strings.Repeat("a", 64<<10)+"\r\n"), []int{431}, ""},
		{"10000 headers", get("/health", strings.Repeat("X: a\r\n", 10_000)), []int{431}, ""},
		{"a header without a name", get("/health", ": a\r\n"), []int{400}, ""},
		{"a folded header", get("/health", "X: a\r\n b\r\n"), []int{200, 400}, ""},
		{"a strange expectation", get("/health", "Expect: miracles\r\n"), []int{417}, ""},
		{"an upgrade", get("/v1/models", "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"), []int{200}, ""},
	}
}

// keysAsked are requests whose header of authorization is not as it should be.
func keysAsked() []wrongRequest {
	var all []wrongRequest
	for name, header := range map[string]string{
		"no key": "", "an empty key": "Authorization:\r\n", "a scheme alone": "Authorization: Bearer\r\n", "a scheme and blanks": "Authorization: Bearer    \r\n",
		"another key": "Authorization: Bearer sk-other\r\n", "a key that begins right": "Authorization: Bearer " + key[:10] + "\r\n", "a key that is longer": "Authorization: Bearer " + key + "x\r\n",
		"a blank inside": "Authorization: Bearer " + key[:5] + " " + key[5:] + "\r\n", "no scheme": "Authorization: " + key + "\r\n", "another scheme": "Authorization: Basic " + key + "\r\n",
		"two of them": "Authorization: Bearer " + key + "\r\nAuthorization: Bearer " + key + "\r\n", "a list": "Authorization: Bearer " + key + ", Bearer x\r\n",
		"a long key": "Authorization: Bearer " + strings.Repeat(key, 500) + "\r\n", "another header": "X-Api-Key: " + key + "\r\n",
	} {
		all = append(all, wrongRequest{name, []byte("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + header + "\r\n"), []int{401}, "invalid_api_key"})
	}
	return all
}
