package conformance

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/permcheck/permcheck/internal/redact"
	"github.com/permcheck/permcheck/internal/report"
)

// maxJournal bounds a journal that is read, in bytes.
const maxJournal = 4 << 30

// maxJournalAge is how old results may be to be gone on from: a report is about one deployment
// at one time.
const maxJournalAge = 24 * time.Hour

// A Journal keeps what a run has seen in a file while it runs, so that one which is killed can
// be gone on with. It holds what reports hold, placeholders in
// place of secrets, so that what is read again is judged alike, and is readable by its owner only.
// What decided nothing is not kept: it is asked again.
type Journal struct {
	// Resumed is how many requests and questions an earlier run had answered already.
	Resumed int
	// Started is when the first of the runs began.
	Started time.Time

	mu           sync.Mutex
	file         *os.File
	failed       error
	secrets      *redact.Set // that it must not hold
	observations map[int]Observation
	records      map[int]Record
}

type journalHead struct {
	Version  int       `json:"journal"`
	Plan     string    `json:"plan"`
	Target   string    `json:"target"`
	Shard    string    `json:"shard,omitempty"`
	Settings string    `json:"settings"`
	Started  time.Time `json:"started"`
}

type journalLine struct {
	Request  *int         `json:"r,omitempty"`
	Seen     *Observation `json:"o,omitempty"`
	Question *int         `json:"q,omitempty"`
	Record   *Record      `json:"e,omitempty"`
}

// OpenJournal opens the journal at a path, which is made where it is missing. What it holds
// counts where it is of the same plan, target and settings, and not too old; else it is begun
// anew. settings is any text that tells runs apart whose answers may differ.
func OpenJournal(path string, p *Plan, target, settings string, now time.Time) (*Journal, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	j := &Journal{Started: now, file: f, observations: map[int]Observation{}, records: map[int]Record{}}
	head := journalHead{Version: 1, Plan: p.Hash, Target: target, Shard: p.shard.String(), Settings: settings, Started: now.UTC()}
	end, err := j.read(p, head, now)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("reading the journal %s: %w", path, err)
	}
	// The last line may be half of one: the run that wrote it was killed meanwhile.
	if err := f.Truncate(end); err != nil {
		f.Close()
		return nil, err
	}
	if _, err := f.Seek(end, io.SeekStart); err != nil {
		f.Close()
		return nil, err
	}
	if end == 0 {
		j.write(head)
	}
	if j.failed != nil {
		f.Close()
		return nil, j.failed
	}
	return j, nil
}

// read takes over what the file holds and returns where the part that counts ends; 0: none
// does.
func (j *Journal) read(p *Plan, want journalHead, now time.Time) (int64, error) {
	in := bufio.NewReaderSize(io.LimitReader(j.file, maxJournal), 1<<16)
	var end int64
	for {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			return end, nil
		}
		if err != nil {
			return 0, err
		}
		if end == 0 {
			var head journalHead
			if json.Unmarshal(line, &head) != nil || now.Sub(head.Started) > maxJournalAge || head.Started.After(now) {
				return 0, nil
			}
			j.Started, head.Started = head.Started, want.Started
			if head != want {
				j.Started = now
				return 0, nil
			}
			end = int64(len(line))
			continue
		}
		var l journalLine
		if json.Unmarshal(bytes.TrimSuffix(line, []byte("\n")), &l) != nil {
			return end, nil
		}
		switch {
		case l.Request != nil && l.Seen != nil && *l.Request >= 0 && *l.Request < len(p.Requests):
			j.observations[*l.Request] = *l.Seen
		case l.Question != nil && l.Record != nil && *l.Question >= 0 && *l.Question < len(p.Questions) && l.Record.strange(p) == nil:
			j.records[*l.Question] = *l.Record
		default:
			return end, nil
		}
		end += int64(len(line))
		j.Resumed = len(j.observations) + len(j.records)
	}
}

func (j *Journal) write(v any) {
	data, err := json.Marshal(v)
	if err == nil {
		_, err = j.file.Write(append(report.PlainJSON(data), '\n'))
	}
	if err != nil && j.failed == nil {
		j.failed = fmt.Errorf("writing the journal: %w", err)
	}
}

// saw keeps what a request showed, where that decides something.
func (j *Journal) saw(request int, o *Observation) {
	if j == nil || o.undecided() {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	seen := o.withoutSecrets(j.secrets)
	j.write(journalLine{Request: &request, Seen: &seen})
}

// performed keeps the record of a question that was performed to its end.
func (j *Journal) performed(question int, rec *Record) {
	if j == nil || !rec.Done || rec.Problem != "" {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	written := rec.withoutSecrets(j.secrets)
	j.write(journalLine{Question: &question, Record: &written})
}

func (j *Journal) observation(request int) (Observation, bool) {
	if j == nil {
		return Observation{}, false
	}
	o, ok := j.observations[request]
	return o, ok
}

func (j *Journal) record(question int) (Record, bool) {
	if j == nil {
		return Record{}, false
	}
	rec, ok := j.records[question]
	return rec, ok
}

// Close closes the journal. That of a run which came to its end is removed: what there was to
// say is in the report.
func (j *Journal) Close(ended bool) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	err := j.file.Close()
	if j.failed != nil {
		err = j.failed
	}
	if ended {
		if gone := os.Remove(j.file.Name()); err == nil {
			err = gone
		}
	}
	return err
}
