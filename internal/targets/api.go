package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// An api is a server's own administration, as its documents describe it.
type api struct {
	base   string
	scheme string // stands before the token in Authorization; may be empty
	token  string
}

// call sends one request and decodes a 2xx answer.
func (a *api) call(ctx context.Context, method, path string, body any) (map[string]any, error) {
	var send io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		send = bytes.NewReader(data)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, send)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if a.token != "" {
		req.Header.Set("Authorization", strings.TrimSpace(a.scheme+" "+a.token))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode > 299 {
		return nil, fmt.Errorf("%s %s answered %d: %.300s", method, path, resp.StatusCode, data)
	}
	var out map[string]any
	if len(bytes.TrimSpace(data)) > 0 {
		if err := json.Unmarshal(data, &out); err != nil {
			return nil, fmt.Errorf("%s %s: %w", method, path, err)
		}
	}
	return out, nil
}

// reachable waits until the server answers at all.
func (a *api) reachable(ctx context.Context, path string) error {
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		_, err := a.call(ctx, http.MethodGet, path, nil)
		if err == nil || ctx.Err() != nil || time.Now().After(end) {
			return err
		}
	}
}
