package conformance

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// errProxied says that bytes of one's own choice cannot be sent through a proxy.
var errProxied = errors.New("the target is reached through a proxy, which does not pass a request line on as it is")

// raw sends a request whose line and headers are written byte by byte, since net/http
// normalises or refuses some of them, and reads one answer. The connection is its own.
func (c *client) raw(ctx context.Context, line string, header []string, body []byte) (*reply, error) {
	if err := c.admit(ctx); err != nil {
		return nil, err
	}
	probe := &http.Request{URL: c.base}
	if proxy, err := http.ProxyFromEnvironment(probe); err != nil || proxy != nil {
		return nil, errProxied
	}
	ctx, cancel := context.WithTimeout(ctx, c.limits.Timeout)
	defer cancel()
	port := c.base.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[c.base.Scheme]
	}
	dialer := net.Dialer{Timeout: 5 * time.Second}
	var conn net.Conn
	var err error
	if c.base.Scheme == "https" {
		conn, err = (&tls.Dialer{NetDialer: &dialer, Config: &tls.Config{NextProtos: []string{"http/1.1"}}}).DialContext(ctx, "tcp", net.JoinHostPort(c.base.Hostname(), port))
	} else {
		conn, err = dialer.DialContext(ctx, "tcp", net.JoinHostPort(c.base.Hostname(), port))
	}
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s HTTP/1.1\r\n", line)
	for _, h := range header {
		out.WriteString(h + "\r\n")
	}
	if body != nil {
		fmt.Fprintf(&out, "Content-Length: %d\r\n", len(body))
	}
	out.WriteString("Connection: close\r\n\r\n")
	out.Write(body)
	if _, err := conn.Write(out.Bytes()); err != nil {
		return nil, err
	}
	method, _, _ := strings.Cut(line, " ")
	// Whatever comes is bounded before it is parsed.
	in := bufio.NewReader(io.LimitReader(conn, maxResponseHeader+maxResponseBody+1))
	resp, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxResponseBody+1))
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	return newReply(resp, data), nil
}
