package reference_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance/reference"
)

// Requests a second over HTTP on loopback: one row by its id. The client writes the same bytes
// again and again and looks at the status only, in the manner of wrk, since the client
// of net/http costs more than the server. Client and server share the machine.
func BenchmarkReads(b *testing.B) {
	for _, path := range []string{"/v1/positions/positions-1", "/v1/me", "/health", "/v1/positions"} {
		b.Run(strings.ReplaceAll(path[1:], "/", "_"), func(b *testing.B) {
			srv, err := reference.New(reference.Board(), reference.Options{})
			if err != nil {
				b.Fatal(err)
			}
			_, secret, err := srv.Mint("reader", []perm.Permission{"positions.read"})
			if err != nil {
				b.Fatal(err)
			}
			api := httptest.NewServer(srv.API())
			defer api.Close()
			const connections = 32
			request := []byte("GET " + path + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + secret + "\r\n\r\n")
			var wg sync.WaitGroup
			b.ResetTimer()
			for i := range connections {
				n := b.N / connections
				if i < b.N%connections {
					n++
				}
				wg.Go(func() {
					if err := hammer(strings.TrimPrefix(api.URL, "http://"), request, n); err != nil {
						b.Error(err)
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}

// hammer sends a request n times on one connection.
func hammer(addr string, request []byte, n int) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	r := bufio.NewReaderSize(conn, 16<<10)
	for range n {
		if _, err := conn.Write(request); err != nil {
			return err
		}
		length := -1
		for first := true; ; first = false {
			line, err := r.ReadSlice('\n')
			if err != nil {
				return err
			}
			if first && !strings.HasPrefix(string(line), "HTTP/1.1 200") {
				return fmt.Errorf("answered %s", line)
			}
			if len(line) == 2 {
				break
			}
			if name, value, _ := strings.Cut(string(line), ":"); name == "Content-Length" {
				if _, err := fmt.Sscan(value, &length); err != nil {
					return err
				}
			}
		}
		if _, err := io.CopyN(io.Discard, r, int64(length)); err != nil {
			return err
		}
	}
	return nil
}

// The handler alone, without HTTP.
func BenchmarkHandler(b *testing.B) {
	srv, err := reference.New(reference.Board(), reference.Options{})
	if err != nil {
		b.Fatal(err)
	}
	_, secret, err := srv.Mint("reader", []perm.Permission{"positions.read"})
	if err != nil {
		b.Fatal(err)
	}
	req, err := http.NewRequest("GET", "/v1/positions/positions-1", nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	api := srv.API()
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		api.ServeHTTP(w, req)
		if w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}
