"""The plan's first stack: FastAPI, synchronous SQLAlchemy, python-jose and passlib, one commit per request.

Written the way FastAPI's tutorial is, with WAL and synchronous=FULL. It does less than the orchestrator: no limiter,
no request log, no ordered event number.
"""

import hashlib
import os
import time
import uuid

import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException, Response
from fastapi.security import OAuth2PasswordBearer
from jose import JWTError, jwt
from passlib.context import CryptContext
from pydantic import BaseModel, Field
from sqlalchemy import Column, Integer, String, create_engine, event, select
from sqlalchemy.orm import Session, declarative_base, sessionmaker
from sqlalchemy.pool import QueuePool

SECRET = "a secret of the benchmark, 32 bytes or more"
EMAIL, PASSWORD = os.environ["EMAIL"], os.environ["PASSWORD"]

engine = create_engine(
    f"sqlite:///{os.environ['DATABASE']}",
    connect_args={"check_same_thread": False, "timeout": 30},
    poolclass=QueuePool,
    pool_size=40,  # as many as there are threads
    future=True,
)
SessionLocal = sessionmaker(bind=engine, future=True)
Base = declarative_base()
passwords = CryptContext(schemes=["pbkdf2_sha256"])


@event.listens_for(engine, "connect")
def durable(connection, _record):
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    email = Column(String, unique=True, nullable=False)
    password_hash = Column(String, nullable=False)


class Task(Base):
    __tablename__ = "tasks"
    seq = Column(Integer, primary_key=True)
    id = Column(String, unique=True, nullable=False)
    title = Column(String, nullable=False)
    description = Column(String, nullable=False)
    version = Column(Integer, nullable=False)


class Event(Base):
    __tablename__ = "events"
    id = Column(Integer, primary_key=True)
    type = Column(String, nullable=False)
    subject = Column(String, nullable=False)
    data = Column(String, nullable=False)
    time = Column(Integer, nullable=False)


class Credentials(BaseModel):
    email: str
    password: str


class NewTask(BaseModel):
    title: str = Field(min_length=1, max_length=200)
    description: str = Field("", max_length=20_000)


class TaskPatch(BaseModel):
    title: str = Field(min_length=1, max_length=200)


class TaskOut(BaseModel):
    description: str
    id: str
    title: str
    version: int

    class Config:
        orm_mode = True


Base.metadata.create_all(engine)
with SessionLocal() as first:
    first.add(User(email=EMAIL, password_hash=passwords.hash(PASSWORD)))
    first.commit()

app = FastAPI()
bearer = OAuth2PasswordBearer(tokenUrl="/auth/login")


def session():
    with SessionLocal() as opened:
        yield opened


def user(token: str = Depends(bearer), db: Session = Depends(session)) -> User:
    try:
        email = jwt.decode(token, SECRET, algorithms=["HS256"])["sub"]
    except JWTError:
        raise HTTPException(status_code=401)
    found = db.scalar(select(User).where(User.email == email))
    if found is None:
        raise HTTPException(status_code=401)
    return found


def answer(response: Response, db: Session, type: str, task: Task) -> TaskOut:
    """Appends the event, commits, and says what the task is now."""
    out = TaskOut.from_orm(task)
    body = out.json()
    now = int(time.time() * 1000)
    db.add(Event(type=type, subject=f"/collab/tasks/{task.id}", data=body, time=now))
    db.commit()
    response.headers["ETag"] = f'"{hashlib.sha256(body.encode()).hexdigest()}"'
    return out


@app.get("/healthz")
def health(db: Session = Depends(session)):
    db.execute(select(1))
    return {"status": "ok"}


@app.post("/auth/login")
def login(given: Credentials, db: Session = Depends(session)):
    found = db.scalar(select(User).where(User.email == given.email))
    if found is None or not passwords.verify(given.password, found.password_hash):
        raise HTTPException(status_code=401)
    claims = {"sub": found.email, "exp": int(time.time()) + 3600}
    return {"access_token": jwt.encode(claims, SECRET, algorithm="HS256"), "token_type": "bearer"}


@app.post("/collab/tasks", response_model=TaskOut)
def create(given: NewTask, response: Response, db: Session = Depends(session), _: User = Depends(user)):
    task = Task(id=str(uuid.uuid4()), title=given.title, description=given.description, version=1)
    db.add(task)
    return answer(response, db, "task.created", task)


@app.get("/collab/state/tasks")
def state(db: Session = Depends(session)):
    tasks = db.scalars(select(Task).order_by(Task.seq.desc()).limit(100))
    return {"items": [TaskOut.from_orm(task) for task in tasks], "kind": "tasks"}


@app.get("/collab/tasks/{id}", response_model=TaskOut)
def one(id: str, db: Session = Depends(session)):
    task = db.scalar(select(Task).where(Task.id == id))
    if task is None:
        raise HTTPException(status_code=404)
    return task


@app.patch("/collab/tasks/{id}", response_model=TaskOut)
def patch(
    id: str,
    given: TaskPatch,
    response: Response,
    if_match: str = Header(),
    db: Session = Depends(session),
    _: User = Depends(user),
):
    task = db.scalar(select(Task).where(Task.id == id))
    if task is None:
        raise HTTPException(status_code=404)
    task.title = given.title
    task.version += 1
    return answer(response, db, "task.updated", task)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=False)
