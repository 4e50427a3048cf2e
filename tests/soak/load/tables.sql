-- What the agents write into, beside the demo's shop. Every row says whose it is.

CREATE TABLE entries (
    id      bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    agent   text NOT NULL,
    number  integer NOT NULL,
    version integer NOT NULL,
    contact text GENERATED ALWAYS AS (agent || '.' || number || '@example.com') STORED,
    UNIQUE (agent, number)
);

-- Each agent sees its own rows only, by a row filter of the catalog.
CREATE TABLE letters (
    id     bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    owner  text NOT NULL,
    number integer NOT NULL
);
