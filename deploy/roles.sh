#!/bin/sh
# The roles of docs/deployment.md, section 1, in PostgreSQL's container on an empty volume.
set -eu
psql --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\set ON_ERROR_STOP on
\getenv owner_password OWNER_PASSWORD
\getenv service_password SERVICE_PASSWORD
CREATE ROLE tollgate_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE tollgate_service LOGIN PASSWORD :'service_password';
CREATE ROLE tollgate_api NOLOGIN;
CREATE ROLE tollgate_worker NOLOGIN;
CREATE ROLE tollgate_platform NOLOGIN;
GRANT tollgate_api, tollgate_worker, tollgate_platform TO tollgate_service WITH INHERIT FALSE, SET TRUE;
CREATE DATABASE tollgate OWNER tollgate_owner TEMPLATE template0 ENCODING 'UTF8';
REVOKE ALL ON DATABASE tollgate FROM PUBLIC;
GRANT CONNECT ON DATABASE tollgate TO tollgate_service;
SQL
