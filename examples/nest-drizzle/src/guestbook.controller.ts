import { Body, Controller, Get, Post } from '@nestjs/common'
import { GuestbookService } from './guestbook.service.js'

class CreateEntryDto {
  author!: string
  message!: string
}

const region = process.env.FLY_REGION

@Controller()
export class GuestbookController {
  constructor(private readonly guestbook: GuestbookService) {}

  @Get()
  async read() {
    return { region, ...(await this.guestbook.read()) }
  }

  @Post('entries')
  async add(@Body() { author, message }: CreateEntryDto) {
    return { region, id: await this.guestbook.add(author, message) }
  }

  // A read by its method, a write by what it does: only the database can tell.
  @Get('visit')
  async visit() {
    return { region, visits: await this.guestbook.visit() }
  }
}
